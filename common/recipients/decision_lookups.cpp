#include "common/recipients/decision_lookups.hpp"

#include <algorithm>
#include <utility>

#include "common/text/ascii.hpp"
#include "common/text/fold_case.hpp"

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
    std::string own_folded;  // few keys are otherwise than they are folded
    if (!text::IsFoldedAscii(key)) own_folded = text::FoldCase(key);
    const std::string_view folded = own_folded.empty() ? key : own_folded;
    if (const tables::Outcome* const known = Find(&table, folded)) {
        if (const auto* row = std::get_if<Row>(known)) co_return *row;
        std::rethrow_exception(std::get<std::exception_ptr>(*known));
    }
    tables::TableReader& reader = IsAboutManyAddresses(key) ? shared_ : tables::DirectReader();
    Row row = co_await reader.Find(table, key);
    known_[std::string(folded)].push_back({&table, row});
    co_return row;
}

const tables::Outcome* DecisionLookups::Find(const tables::LookupTable* table,
                                             std::string_view folded) const {
    const auto rows = known_.find(folded);
    if (rows == known_.end()) return nullptr;
    for (const Known& known : rows->second)
        if (known.table == table) return &known.row;
    return nullptr;
}

async::Task<void> DecisionLookups::FindEverywhere(std::span<const tables::TableChain* const> chains,
                                                  std::string_view key) {
    const std::string folded = text::FoldCase(key);
    std::vector<tables::LookupTable*> asked;
    std::vector<tables::Question> questions;
    for (const tables::TableChain* chain : chains) {
        for (tables::LookupTable* table : chain->Tables()) {
            if (table->Server() == nullptr || Find(table, folded) != nullptr) continue;
            if (std::find(asked.begin(), asked.end(), table) != asked.end()) continue;
            asked.push_back(table);
            questions.push_back({table, folded});
        }
    }
    std::vector<tables::Outcome> outcomes = co_await tables::FindTogether(std::move(questions));
    for (std::size_t i = 0; i < asked.size(); ++i) {
        if (!std::holds_alternative<std::monostate>(outcomes[i]))
            known_[folded].push_back({asked[i], std::move(outcomes[i])});
    }
}

}  // namespace policyd::recipients
