#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace policyd::sqlite {

/// SQLite said no; `Code()` is its extended result code. The text names the file.
class Error : public std::runtime_error {
public:
    Error(const std::string& what, int code) : std::runtime_error(what), code_(code) {}

    int Code() const noexcept { return code_; }
    /// Whether the file cannot be used now, rather than the statement: locked, unreadable, damaged,
    /// no room on the disk.
    bool IsOfFile() const noexcept;

private:
    int code_;
};

/// Throws Error (SQLITE_FULL) while less than a megabyte is left on the file system where the file
/// is, or is to be made. To be asked before each use of a file with a write-ahead log, whose -shm
/// SQLite maps into memory: where the file system finds room for what is written there as late as
/// the page goes to the disk (btrfs, ext4 with blocks below 4 KiB), a full one ends the process by
/// SIGBUS.
void RequireRoom(const std::string& path);

/// A prepared statement. Belongs to its database, which outlives it.
///
///     Statement select = database.Prepare("SELECT bytes FROM usage WHERE mailbox = ?1");
///     select.Bind(1, mailbox);
///     while (select.Step()) Use(select.Integer(0));
class Statement {
public:
    /// False for a text without any statement in it, which Step() refuses.
    bool IsStatement() const noexcept { return statement_ != nullptr; }

    /// Parameters and columns are counted as SQLite counts them: from 1 and from 0. The bytes of
    /// `text` are copied.
    void Bind(int parameter, std::string_view text);
    void Bind(int parameter, std::int64_t number);

    /// Goes to the next row; false when there is none.
    bool Step();
    /// Makes the statement ready to run again, without its values.
    void Reset() noexcept;

    /// The column of the current row as text, up to a zero byte; nothing for NULL.
    std::optional<std::string> Text(int column) const;
    std::int64_t Integer(int column) const;
    int Columns() const noexcept { return sqlite3_column_count(statement_.get()); }

private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
    };

    Statement(sqlite3* database, sqlite3_stmt* statement)
        : database_(database), statement_(statement) {}
    void Check(int code) const;

    sqlite3* database_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// One connection to an SQLite file, for one thread at a time.
class Database {
public:
    enum class Mode {
        kReadOnly,   ///< the file must exist
        kReadWrite,  ///< made if it does not exist
    };

    /// `patience` is how long a statement waits for the locks of other connections. Throws Error.
    Database(const std::string& path, Mode mode, std::chrono::milliseconds patience);

    /// Runs statements that give no rows.
    void Execute(const std::string& statements);
    /// The first statement of `sql`; what follows it is ignored.
    Statement Prepare(std::string_view sql);
    /// The same, kept for the next call with the same text; reset, with these values or without
    /// any.
    template <typename... Values>
    Statement& Prepared(std::string_view sql, const Values&... values) {
        Statement& statement = Kept(sql);
        int parameter = 0;
        (statement.Bind(++parameter, values), ...);
        return statement;
    }
    /// Runs such a one, which gives no rows.
    template <typename... Values>
    void Run(std::string_view sql, const Values&... values) {
        Prepared(sql, values...).Step();
    }
    /// Whether such a one gives a row.
    template <typename... Values>
    bool HasRow(std::string_view sql, const Values&... values) {
        Statement& statement = Prepared(sql, values...);
        const bool has_row = statement.Step();
        statement.Reset();
        return has_row;
    }
    /// Ends what statements of Prepared() are still reading. One that stays on a row keeps its view
    /// of the file, and the next transaction could not write once others have written.
    void ResetPrepared() noexcept;

    sqlite3* Raw() noexcept { return database_.get(); }

private:
    struct Close {
        void operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
    };

    Statement& Kept(std::string_view sql);

    std::unique_ptr<sqlite3, Close> database_;
    std::map<std::string, Statement, std::less<>> prepared_;
};

/// BEGIN IMMEDIATE … COMMIT; rolled back unless committed.
class Transaction {
public:
    explicit Transaction(Database& database) : database_(database) {
        database_.Execute("BEGIN IMMEDIATE");
    }
    ~Transaction() {
        database_.ResetPrepared();
        if (!committed_) sqlite3_exec(database_.Raw(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    void Commit() {
        database_.ResetPrepared();
        database_.Execute("COMMIT");
        committed_ = true;
    }

private:
    Database& database_;
    bool committed_ = false;
};

}  // namespace policyd::sqlite
