#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/tables/domain_list.hpp"
#include "common/tables/table_chain.hpp"
#include "common/text/string_hash.hpp"

namespace policyd::recipients {

/// The look-ups of one decision. Each is made once, however often the same thing is asked on the
/// way: so that all steps of a decision see the same data, and cost no more than they must. What
/// could not be answered is asked again.
class DecisionLookups final : public tables::TableReader {
public:
    /// Asks `shared`, which outlives this, for what many decisions ask: all that is not about one
    /// address.
    explicit DecisionLookups(tables::TableReader& shared) : shared_(shared) {}
    DecisionLookups(const DecisionLookups&) = delete;
    DecisionLookups& operator=(const DecisionLookups&) = delete;

    using Row = std::optional<std::string>;

    /// As TableChain::Find(). `key` must outlive the returned task.
    async::Task<Row> Find(const tables::TableChain& tables, std::string_view key,
                          tables::KeyKind kind = tables::KeyKind::kWhole);

    /// As DomainList::Contains(). `domain` must outlive the returned task.
    async::Task<bool> Contains(const tables::DomainList& domains, std::string_view domain);

    /// As LookupTable::Find().
    async::Task<Row> Find(tables::LookupTable& table, std::string_view key) override;

    /// Looks `key` up in all these tables now, at the cost of one look-up for each server, because
    /// most of them will be asked.
    async::Task<void> FindEverywhere(std::span<const tables::TableChain* const> chains,
                                     std::string_view key);

private:
    struct KnownRow {
        const tables::LookupTable* table;
        tables::Outcome row;
    };
    using Rows = std::vector<KnownRow>;

    async::Task<Row> FindByPattern(tables::LookupTable& table, std::string_view key);
    async::Task<Row> FindAnew(tables::LookupTable& table, std::string_view key);
    async::Task<void> AskTogether(std::vector<tables::LookupTable*> asked, std::string folded);

    /// What is known of a key; null for nothing.
    const Rows* RowsOf(std::string_view key) const;
    /// Null if it has not been looked up.
    static const tables::Outcome* Known(const tables::LookupTable* table, const Rows* rows);
    /// Nothing if a table has to be asked, or has what is to be told as TableChain does.
    std::optional<Row> Known(const tables::TableChain& tables, std::string_view key,
                             tables::KeyKind kind) const;

    tables::TableReader& shared_;
    /// By key, case-folded as all tables do it.
    std::unordered_map<std::string, Rows, text::StringHash, std::equal_to<>> known_;
    /// Of tables of patterns, which may look at the case of a key.
    std::map<std::pair<const tables::LookupTable*, std::string>, Row> by_pattern_;
};

}  // namespace policyd::recipients
