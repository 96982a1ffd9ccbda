#include "common/tables/sqlite_file.hpp"

#include <sys/stat.h>

#include <utility>

namespace policyd::tables {

namespace {

/// As Postfix does it, whichever the quotation mark; and the one that the part stands in. Nothing
/// escapes the end of a [name].
std::string Escaped(std::string_view part, char mark) {
    std::string escaped;
    for (const char c : part) {
        if (c == '\'' || (c == mark && (c == '"' || c == '`'))) escaped += c;
        escaped += c == ']' && mark == '[' ? ' ' : c;
    }
    return escaped;
}

SqlLookup::Values FirstColumnOfAllRows(sqlite::Statement& statement) {
    SqlLookup::Values values;
    while (statement.Step()) values.push_back(statement.Text(0));
    statement.Reset();
    return values;
}

}  // namespace

sqlite::Database& SqliteFile::Open(std::chrono::milliseconds patience) {
    struct stat status {};
    const bool exists = stat(path_.c_str(), &status) == 0;
    const std::int64_t changed =
        std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec;
    const Identity identity{status.st_dev, status.st_ino, status.st_size, changed};
    if (exists && identity != identity_) database_.reset();
    if (!database_) {
        database_.emplace(path_, sqlite::Database::Mode::kReadOnly, patience);
        identity_ = identity;
    }
    return *database_;
}

SqlLookup::Values SqliteFile::Run(const QueryTemplate& query, std::string_view key) {
    const bool just_failed = failure_ && Clock::now() - failed_at_ < patience_;
    sqlite::Database& database = Open(just_failed ? std::chrono::milliseconds(0) : patience_);
    if (!query.Prepared()) {
        sqlite::Statement statement = database.Prepare(query.Query(key, Dialect::kSqlite, Escaped));
        return FirstColumnOfAllRows(statement);
    }
    sqlite::Statement& statement = database.Prepared(query.Prepared()->sql);
    int number = 0;
    for (const std::string& value : query.Parameters(key)) statement.Bind(++number, value);
    return FirstColumnOfAllRows(statement);
}

SqlLookup::Values SqliteFile::FirstColumns(const QueryTemplate& query, std::string_view key,
                                           Clock::time_point asked) {
    if (failure_ && asked < failed_at_) throw sqlite::Error(*failure_);
    try {
        SqlLookup::Values values = Run(query, key);
        // What was opened without patience is opened anew for the next.
        if (std::exchange(failure_, std::nullopt)) database_.reset();
        return values;
    } catch (const sqlite::Error& error) {
        database_.reset();
        if (error.IsOfFile()) {
            failure_ = error;
            failed_at_ = Clock::now();
        }
        throw;
    }
}

}  // namespace policyd::tables
