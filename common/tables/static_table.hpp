#pragma once

#include <string>
#include <string_view>

#include "common/tables/lookup_table.hpp"

namespace policyd::tables {

/// `static:value` or `static:{value with blanks}`: every key has it (DATABASE_README).
class StaticTable final : public MemoryTable {
public:
    /// `value` is what follows "static:". Throws config::ConfigError for none, and for braces that
    /// do not match.
    explicit StaticTable(std::string_view value);

    const std::string& Name() const override { return name_; }
    std::optional<std::string> FindNow(std::string_view key) const override;
    bool IsForAnyKey() const override { return true; }
    void ForEachValue(const Visit& visit) const override { visit(value_); }
    void ForEachKey(const Visit& visit) const override { visit("*"); }

private:
    const std::string name_;
    std::string value_;
};

}  // namespace policyd::tables
