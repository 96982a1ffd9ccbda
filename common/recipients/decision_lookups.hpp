#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/tables/domain_list.hpp"
#include "common/tables/table_chain.hpp"

namespace policyd::recipients {

/// The look-ups of one decision. Each is made once, however often the same thing is asked on the
/// way: so that all steps of a decision see the same data, and cost no more than they must. What
/// could not be answered is asked again.
class DecisionLookups {
public:
    DecisionLookups() = default;
    DecisionLookups(const DecisionLookups&) = delete;
    DecisionLookups& operator=(const DecisionLookups&) = delete;

    /// As TableChain::Find(). `key` must outlive the returned task.
    async::Task<std::optional<std::string>> Find(const tables::TableChain& tables,
                                                 std::string_view key,
                                                 tables::KeyKind kind = tables::KeyKind::kWhole);

    /// As DomainList::Contains(). `domain` must outlive the returned task.
    async::Task<bool> Contains(const tables::DomainList& domains, std::string_view domain);

private:
    std::map<std::pair<const tables::TableChain*, std::string>, std::optional<std::string>>
        found_[2];  // by KeyKind
    std::map<std::pair<const tables::DomainList*, std::string>, bool> contained_;
};

}  // namespace policyd::recipients
