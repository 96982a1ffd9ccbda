#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/tables/lookup_table.hpp"

namespace policyd::tables {

/// A table in memory that remembers what it was asked and can be out of order.
class FakeTable final : public LookupTable {
public:
    using Values = std::map<std::string, std::string>;

    FakeTable() = default;
    FakeTable(std::initializer_list<Values::value_type> values) : values_(values) {}

    const std::string& Name() const override { return name_; }
    bool TakesPartialKeys() const override { return takes_partial_keys; }
    async::Task<std::optional<std::string>> Find(std::string_view key) override {
        asked.emplace_back(key);
        if (broken) throw outage::TableUnavailable("fake: down");
        const auto found = values_.find(std::string(key));
        if (found == values_.end()) co_return std::nullopt;
        co_return found->second;
    }
    const void* Server() const override { return server; }

    const void* server = nullptr;
    bool broken = false;
    bool takes_partial_keys = true;
    std::vector<std::string> asked;

private:
    std::string name_ = "fake:";
    Values values_;
};

}  // namespace policyd::tables
