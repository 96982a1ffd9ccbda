#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
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

    /// As TableChain::Find(). `key` must outlive the returned task.
    async::Task<std::optional<std::string>> Find(const tables::TableChain& tables,
                                                 std::string_view key,
                                                 tables::KeyKind kind = tables::KeyKind::kWhole);

    /// As DomainList::Contains(). `domain` must outlive the returned task.
    async::Task<bool> Contains(const tables::DomainList& domains, std::string_view domain);

    /// As LookupTable::Find().
    async::Task<std::optional<std::string>> Find(tables::LookupTable& table,
                                                 std::string_view key) override;

    /// Looks `key` up in all these tables now, at the cost of one look-up for each server, because
    /// most of them will be asked.
    async::Task<void> FindEverywhere(std::span<const tables::TableChain* const> chains,
                                     std::string_view key);

private:
    struct Known {
        const tables::LookupTable* table;
        tables::Outcome row;
    };

    /// Null if it has not been looked up. `folded` is a key as known_ has it.
    const tables::Outcome* Find(const tables::LookupTable* table, std::string_view folded) const;

    tables::TableReader& shared_;
    /// By key, case-folded as all tables do it.
    std::unordered_map<std::string, std::vector<Known>, text::StringHash, std::equal_to<>> known_;
};

}  // namespace policyd::recipients
