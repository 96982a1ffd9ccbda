#include "common/tables/table_chain.hpp"

#include "common/text/utf8.hpp"

namespace policyd::tables {

async::Task<std::optional<std::string>> TableChain::Find(std::string_view key, KeyKind kind,
                                                         TableReader& reader) const {
    if (key.empty()) co_return std::nullopt;
    for (LookupTable* table : tables_) {
        if (kind == KeyKind::kPartial && !table->TakesPartialKeys()) continue;
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
