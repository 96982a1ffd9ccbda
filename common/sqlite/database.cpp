#include "common/sqlite/database.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "common/files/descriptor.hpp"
#include "common/files/shared_file.hpp"

namespace policyd::sqlite {

namespace {

/// What the system said, where SQLite only says that it did not get what it asked for.
std::string Reason(sqlite3* database, int code, const char* path) {
    const int primary = code & 0xff;
    if (database == nullptr || (primary != SQLITE_CANTOPEN && primary != SQLITE_IOERR)) return {};
    int error = sqlite3_system_errno(database);
    struct statvfs disk {};
    // It may be of the log that is missing where a file cannot be written.
    if (error == ENOENT && path != nullptr && statvfs(path, &disk) == 0)
        error = (disk.f_flag & ST_RDONLY) != 0 ? EROFS : 0;
    return error == 0 ? std::string() : std::string(": ") + std::strerror(error);
}

[[noreturn]] void Throw(sqlite3* database, int code) {
    const char* path = database != nullptr ? sqlite3_db_filename(database, "main") : nullptr;
    const char* what = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
    const bool is_hot =
        database != nullptr && sqlite3_extended_errcode(database) == SQLITE_READONLY_ROLLBACK;
    throw Error("sqlite: " + std::string(path != nullptr ? path : "") + ": " + what +
                    Reason(database, code, path) +
                    (is_hot ? " (a program was killed while it wrote: whoever may write there has "
                              "to open it once, as sqlite3 does)"
                            : ""),
                code);
}

}  // namespace

bool Error::IsOfFile() const noexcept {
    constexpr int kPrimary = 0xff;
    switch (code_ & kPrimary) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_NOMEM:
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_IOERR:
        case SQLITE_CORRUPT:
        case SQLITE_FULL:
        case SQLITE_CANTOPEN:
        case SQLITE_PROTOCOL:
        case SQLITE_NOTADB:
            return true;
        default:
            return false;
    }
}

namespace {

/// The directory in which a file would be made that is not there: by a link, where that leads.
std::filesystem::path DirectoryToBe(std::filesystem::path file) {
    constexpr int kMostLinks = 40;  // as the kernel follows
    std::error_code ignored;
    for (int i = 0; i < kMostLinks && std::filesystem::is_symlink(file, ignored); ++i)
        file = file.parent_path() / std::filesystem::read_symlink(file, ignored);
    return file.has_parent_path() ? file.parent_path() : ".";
}

}  // namespace

void RequireRoom(const std::string& path) {
    constexpr std::uint64_t kLeast = 1'000'000;
    struct statvfs disk {};
    const bool is_known =
        statvfs(path.c_str(), &disk) == 0 || statvfs(DirectoryToBe(path).c_str(), &disk) == 0;
    // What cannot be looked at, or does not know its size, SQLite is to tell of.
    if (!is_known || disk.f_blocks == 0) return;
    if (std::uint64_t{disk.f_bavail} * disk.f_frsize >= kLeast) return;
    throw Error(
        "sqlite: " + path + ": " + sqlite3_errstr(SQLITE_FULL) + ": less than a megabyte is left",
        SQLITE_FULL);
}

void Statement::Check(int code) const {
    if (code != SQLITE_OK) Throw(database_, code);
}

void Statement::Bind(int parameter, std::string_view text) {
    Check(sqlite3_bind_text(statement_.get(), parameter, text.data(), static_cast<int>(text.size()),
                            SQLITE_TRANSIENT));
}

void Statement::Bind(int parameter, std::int64_t number) {
    Check(sqlite3_bind_int64(statement_.get(), parameter, number));
}

bool Statement::Step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) Throw(statement_ != nullptr ? database_ : nullptr, code);
    return false;
}

void Statement::Reset() noexcept {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
}

std::optional<std::string> Statement::Text(int column) const {
    if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
    const unsigned char* const text = sqlite3_column_text(statement_.get(), column);
    // It is none where memory is short, too: that is no NULL of the table's.
    if (text == nullptr) Throw(database_, SQLITE_NOMEM);
    return reinterpret_cast<const char*>(text);
}

std::int64_t Statement::Integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

namespace {

/// Programs of several users share a file through their group. SQLite, which gives the files beside
/// it the same owner and mode, would make one that the group cannot write. What cannot be made
/// SQLite tells.
void MakeForTheGroupToo(const std::string& path) {
    const files::Descriptor made(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660));
    if (!made) return;
    try {
        files::ShareAsItsDirectory(made.Get(), path);
    } catch (const std::system_error& error) {
        throw Error(std::string("sqlite: ") + error.what(), SQLITE_CANTOPEN);
    }
}

/// What root, who may be led astray, is to write. What is wrong otherwise SQLite tells.
std::string PathToWrite(const std::string& named) {
    try {
        return files::SharedPath(named);
    } catch (const std::system_error& error) {
        if (error.code().value() != EPERM) return named;
        throw Error(std::string("sqlite: ") + error.what(), SQLITE_CANTOPEN);
    }
}

}  // namespace

Database::Database(const std::string& named, Mode mode, std::chrono::milliseconds patience) {
    const std::string path = mode == Mode::kReadWrite ? PathToWrite(named) : named;
    if (mode == Mode::kReadWrite) MakeForTheGroupToo(path);
    sqlite3* database = nullptr;
    const int flags =
        mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    const int code = sqlite3_open_v2(path.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    database_.reset(database);
    if (code != SQLITE_OK) {
        const char* what = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
        throw Error("sqlite: " + path + ": " + what + Reason(database, code, path.c_str()), code);
    }
    const bool is_root_to_write = mode == Mode::kReadWrite && geteuid() == 0;
    if (is_root_to_write && path != sqlite3_db_filename(database, "main"))
        throw Error("sqlite: " + path + ": somebody has put a link in its place", SQLITE_CANTOPEN);
    sqlite3_extended_result_codes(database, 1);
    sqlite3_busy_timeout(database, static_cast<int>(patience.count()));
}

void Database::Execute(const std::string& statements) {
    const int code = sqlite3_exec(Raw(), statements.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) Throw(Raw(), code);
}

Statement Database::Prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v2(Raw(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
    if (code != SQLITE_OK) Throw(Raw(), code);
    return Statement(Raw(), statement);
}

Statement& Database::Kept(std::string_view sql) {
    const auto known = prepared_.find(sql);
    if (known != prepared_.end()) {
        known->second.Reset();
        return known->second;
    }
    return prepared_.emplace(sql, Prepare(sql)).first->second;
}

void Database::ResetPrepared() noexcept {
    for (auto& [sql, statement] : prepared_) statement.Reset();
}

}  // namespace policyd::sqlite
