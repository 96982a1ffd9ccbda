#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/sqlite/database.hpp"
#include "common/tables/query_template.hpp"
#include "common/tables/sql_lookup.hpp"

namespace policyd::tables {

/// An SQLite file that is only read, for one worker thread: opened when it is first needed, again
/// after an error, and again when it has changed or another file has taken its place. A file that
/// is removed goes on as it was.
class SqliteFile {
public:
    SqliteFile(std::string path, std::chrono::milliseconds patience)
        : path_(std::move(path)), patience_(patience) {}

    using Clock = std::chrono::steady_clock;

    /// The first columns of the rows for a searchable key, `asked` then. Throws sqlite::Error. For
    /// a file that could not be used a moment ago nobody waits: not who waited meanwhile for
    /// another look-up, and not the next look-up for the same request.
    SqlLookup::Values FirstColumns(const QueryTemplate& query, std::string_view key,
                                   Clock::time_point asked);

private:
    struct Identity {
        dev_t device = 0;
        ino_t inode = 0;
        // SQLite itself sees only changes that another SQLite has made, not a copy over the file.
        off_t size = 0;
        std::int64_t changed = 0;  // in nanoseconds: its contents or its inode

        bool operator==(const Identity&) const = default;
    };

    sqlite::Database& Open(std::chrono::milliseconds patience);
    SqlLookup::Values Run(const QueryTemplate& query, std::string_view key);

    std::string path_;
    std::chrono::milliseconds patience_;
    Identity identity_;
    std::optional<sqlite::Database> database_;
    std::optional<sqlite::Error> failure_;  // of the file, the last time
    Clock::time_point failed_at_{};
};

}  // namespace policyd::tables
