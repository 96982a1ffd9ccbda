#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/tables/key_rules.hpp"
#include "common/tables/lookup_table.hpp"
#include "common/tables/packed_rows.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// A text file of "key whitespace value" lines. Read by any thread once it is made.
struct TexthashRows {
    PackedRows values;
    std::string mistake;             ///< why no look-up can be answered; empty if they can
    bool is_the_same_to_all = true;  ///< every reader makes these rows of the file
};

/// Lines that Postfix ignores are ignored with the same warnings. Throws config::ConfigError where
/// the file cannot be read.
TexthashRows ReadTexthash(const std::string& path, const WarningSink& warn,
                          ReadAs reader = ReadAs::kDaemon);

/// What a table of these rows answers; `name` is the table's, for messages. Throws
/// outage::TableUnavailable.
std::optional<std::string> FindInTexthash(const TexthashRows& rows, const std::string& name,
                                          std::string_view key);

/// `texthash:/path`.
class TexthashTable final : public MemoryTable {
public:
    TexthashTable(std::string name, std::shared_ptr<const TexthashRows> rows)
        : name_(std::move(name)), rows_(std::move(rows)) {}

    const std::string& Name() const override { return name_; }
    std::optional<std::string> FindNow(std::string_view key) const override;
    void ForEachValue(const Visit& visit) const override;
    void ForEachKey(const Visit& visit) const override;

private:
    std::string name_;
    std::shared_ptr<const TexthashRows> rows_;
};

}  // namespace policyd::tables
