#include "common/recipients/decision_lookups.hpp"

#include <algorithm>
#include <utility>

#include "common/text/ascii.hpp"
#include "common/text/fold_case.hpp"

namespace policyd::recipients {

namespace {

/// Whether a key is a domain, a parent of one, `@domain` or `*`.
bool IsAboutManyAddresses(std::string_view key) {
    return key.find('@') == key.npos || key.starts_with('@');
}

}  // namespace

async::Task<DecisionLookups::Row> DecisionLookups::Find(const tables::TableChain& tables,
                                                        std::string_view key,
                                                        tables::KeyKind kind) {
    if (auto row = Known(tables, key, kind)) return async::Task<Row>::Of(*std::move(row));
    return tables.Find(key, kind, *this);
}

async::Task<bool> DecisionLookups::Contains(const tables::DomainList& domains,
                                            std::string_view domain) {
    return domains.Contains(domain, *this);
}

async::Task<DecisionLookups::Row> DecisionLookups::Find(tables::LookupTable& table,
                                                        std::string_view key) {
    if (!table.TakesPartialKeys()) return FindByPattern(table, key);
    const tables::Outcome* const known = Known(&table, RowsOf(key));
    if (known == nullptr) return FindAnew(table, key);
    if (const auto* row = std::get_if<Row>(known)) return async::Task<Row>::Of(*row);
    std::rethrow_exception(std::get<std::exception_ptr>(*known));
}

async::Task<DecisionLookups::Row> DecisionLookups::FindByPattern(tables::LookupTable& table,
                                                                 std::string_view key) {
    const std::pair as_written(&std::as_const(table), std::string(key));
    const auto known = by_pattern_.find(as_written);
    if (known != by_pattern_.end()) co_return known->second;
    Row row = co_await table.Find(as_written.second);
    by_pattern_.emplace(as_written, row);
    co_return row;
}

async::Task<DecisionLookups::Row> DecisionLookups::FindAnew(tables::LookupTable& table,
                                                            std::string_view key) {
    tables::TableReader& reader = IsAboutManyAddresses(key) ? shared_ : tables::DirectReader();
    Row row = co_await reader.Find(table, key);
    known_[text::FoldCase(key)].push_back({&table, row});
    co_return row;
}

const DecisionLookups::Rows* DecisionLookups::RowsOf(std::string_view key) const {
    // Few keys are otherwise than they are folded.
    const auto rows =
        text::IsFoldedAscii(key) ? known_.find(key) : known_.find(text::FoldCase(key));
    return rows == known_.end() ? nullptr : &rows->second;
}

const tables::Outcome* DecisionLookups::Known(const tables::LookupTable* table, const Rows* rows) {
    if (rows == nullptr) return nullptr;
    const auto known = std::find_if(rows->begin(), rows->end(),
                                    [table](const KnownRow& row) { return row.table == table; });
    return known == rows->end() ? nullptr : &known->row;
}

std::optional<DecisionLookups::Row> DecisionLookups::Known(const tables::TableChain& tables,
                                                           std::string_view key,
                                                           tables::KeyKind kind) const {
    const Rows* const rows = tables.IsEmpty() ? nullptr : RowsOf(key);
    for (const tables::LookupTable* table : tables.SearchedFor(kind)) {
        const tables::Outcome* const outcome = Known(table, rows);
        const Row* const row = outcome == nullptr ? nullptr : std::get_if<Row>(outcome);
        const bool is_mistake = row != nullptr && *row && (*row)->empty();
        if (row == nullptr || is_mistake) return std::nullopt;
        if (*row) return *row;
    }
    return Row();
}

async::Task<void> DecisionLookups::FindEverywhere(std::span<const tables::TableChain* const> chains,
                                                  std::string_view key) {
    const Rows* const rows = RowsOf(key);
    std::vector<tables::LookupTable*> asked;
    for (const tables::TableChain* chain : chains) {
        for (tables::LookupTable* table : chain->Tables()) {
            if (table->Server() == nullptr || Known(table, rows) != nullptr) continue;
            if (std::find(asked.begin(), asked.end(), table) == asked.end()) asked.push_back(table);
        }
    }
    if (asked.empty()) return async::Task<>::Of();
    return AskTogether(std::move(asked), text::FoldCase(key));
}

async::Task<void> DecisionLookups::AskTogether(std::vector<tables::LookupTable*> asked,
                                               std::string folded) {
    std::vector<tables::Question> questions;
    questions.reserve(asked.size());
    for (tables::LookupTable* table : asked) questions.push_back({table, folded});
    std::vector<tables::Outcome> outcomes = co_await tables::FindTogether(std::move(questions));
    Rows& rows = known_[folded];
    rows.reserve(rows.size() + asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
        if (!std::holds_alternative<std::monostate>(outcomes[i]))
            rows.push_back({asked[i], std::move(outcomes[i])});
    }
}

}  // namespace policyd::recipients
