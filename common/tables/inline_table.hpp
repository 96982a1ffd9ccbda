#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "common/tables/key_rules.hpp"
#include "common/tables/lookup_table.hpp"

namespace policyd::tables {

/// `inline:{ key=value, {key = value with blanks} }`: the table is its own name.
class InlineTable final : public MemoryTable {
public:
    /// `definition` is what follows "inline:". Throws config::ConfigError where Postfix calls its
    /// syntax bad. The last of several entries with one key holds.
    explicit InlineTable(std::string_view definition, ReadAs reader = ReadAs::kDaemon);

    const std::string& Name() const override { return name_; }
    std::optional<std::string> FindNow(std::string_view key) const override;
    void ForEachValue(const Visit& visit) const override;
    void ForEachKey(const Visit& visit) const override;

private:
    void Add(std::string_view entry);
    [[noreturn]] void Refuse(const std::string& why) const;

    std::string name_;
    ReadAs reader_;
    std::unordered_map<std::string, std::string> values_;
};

}  // namespace policyd::tables
