#include "common/recipients/decision_lookups.hpp"

namespace policyd::recipients {

async::Task<std::optional<std::string>> DecisionLookups::Find(const tables::TableChain& tables,
                                                              std::string_view key,
                                                              tables::KeyKind kind) {
    if (tables.IsEmpty()) co_return std::nullopt;
    auto& found = found_[static_cast<std::size_t>(kind)];
    std::pair<const tables::TableChain*, std::string> question(&tables, key);
    const auto known = found.find(question);
    if (known != found.end()) co_return known->second;
    std::optional<std::string> value = co_await tables.Find(key, kind);
    found.emplace(std::move(question), value);
    co_return value;
}

async::Task<bool> DecisionLookups::Contains(const tables::DomainList& domains,
                                            std::string_view domain) {
    if (domains.IsEmpty()) co_return false;
    std::pair<const tables::DomainList*, std::string> question(&domains, domain);
    const auto known = contained_.find(question);
    if (known != contained_.end()) co_return known->second;
    const bool contains = co_await domains.Contains(domain);
    contained_.emplace(std::move(question), contains);
    co_return contains;
}

}  // namespace policyd::recipients
