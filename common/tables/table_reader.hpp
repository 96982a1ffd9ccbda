#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/tables/lookup_table.hpp"

namespace policyd::tables {

/// How those who search tables with one key after the other put their questions: straight to the
/// table, or through what is remembered of it. Belongs to one loop thread.
class TableReader {
public:
    virtual ~TableReader() = default;

    /// As table.Find(key). `table` and `key` outlive the returned task.
    virtual async::Task<std::optional<std::string>> Find(LookupTable& table,
                                                         std::string_view key) = 0;
};

/// Asks the table. Any thread.
TableReader& DirectReader();

}  // namespace policyd::tables
