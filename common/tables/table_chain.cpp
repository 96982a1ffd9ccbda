#include "common/tables/table_chain.hpp"

#include <algorithm>
#include <iterator>

#include "common/text/utf8.hpp"

namespace policyd::tables {

TableChain::TableChain(std::string parameter, std::vector<LookupTable*> tables)
    : parameter_(std::move(parameter)), tables_(std::move(tables)) {
    std::copy_if(tables_.begin(), tables_.end(), std::back_inserter(taking_partial_keys_),
                 [](const LookupTable* table) { return table->TakesPartialKeys(); });
}

async::Task<std::optional<std::string>> TableChain::Find(std::string_view key, KeyKind kind,
                                                         TableReader& reader) const {
    if (key.empty()) co_return std::nullopt;
    for (LookupTable* table : SearchedFor(kind)) {
        std::optional<std::string> value = co_await reader.Find(*table, key);
        if (!value) continue;
        if (value->empty()) {
            throw outage::TableUnavailable(parameter_ + ": " + table->Name() +
                                           " has an empty value for \"" + text::EscapedForLog(key) +
                                           "\"");
        }
        co_return value;
    }
    co_return std::nullopt;
}

}  // namespace policyd::tables
