#include "common/recipients/decision_lookups.hpp"

#include <algorithm>
#include <vector>

#include "common/text/unicode.hpp"

namespace policyd::recipients {

namespace {

using Row = std::optional<std::string>;

/// Whether a key is a domain, a parent of one, `@domain` or `*`.
bool IsAboutManyAddresses(std::string_view key) {
    return key.find('@') == key.npos || key.starts_with('@');
}

}  // namespace

async::Task<Row> DecisionLookups::Find(const tables::TableChain& tables, std::string_view key,
                                       tables::KeyKind kind) {
    return tables.Find(key, kind, *this);
}

async::Task<bool> DecisionLookups::Contains(const tables::DomainList& domains,
                                            std::string_view domain) {
    return domains.Contains(domain, *this);
}

async::Task<Row> DecisionLookups::Find(tables::LookupTable& table, std::string_view key) {
    Place place(&table, text::FoldCase(key));
    const auto known = rows_.find(place);
    if (known != rows_.end()) {
        if (const auto* row = std::get_if<Row>(&known->second)) co_return *row;
        std::rethrow_exception(std::get<std::exception_ptr>(known->second));
    }
    tables::TableReader& reader = IsAboutManyAddresses(key) ? shared_ : tables::DirectReader();
    Row row = co_await reader.Find(table, key);
    rows_.emplace(std::move(place), row);
    co_return row;
}

async::Task<void> DecisionLookups::FindEverywhere(std::span<const tables::TableChain* const> chains,
                                                  std::string_view key) {
    const std::string folded = text::FoldCase(key);
    std::vector<Place> places;
    std::vector<tables::Question> questions;
    for (const tables::TableChain* chain : chains) {
        for (tables::LookupTable* table : chain->Tables()) {
            const Place place(table, folded);
            const bool is_asked = std::find(places.begin(), places.end(), place) != places.end();
            if (table->Server() == nullptr || is_asked || rows_.contains(place)) continue;
            places.push_back(place);
            questions.push_back({table, folded});
        }
    }
    std::vector<tables::Outcome> outcomes = co_await tables::FindTogether(std::move(questions));
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (!std::holds_alternative<std::monostate>(outcomes[i]))
            rows_.emplace(std::move(places[i]), std::move(outcomes[i]));
    }
}

}  // namespace policyd::recipients
