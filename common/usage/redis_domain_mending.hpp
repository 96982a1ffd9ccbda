#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/redis/client.hpp"
#include "common/usage/packed_numbers.hpp"

namespace policyd::usage {

/// Finds the domains of which Redis has other sums than their mailboxes come to, since it has lost
/// keys, and puts them right.
///
/// Which they may be is read from all records, one after the other: where mail comes meanwhile that
/// suspects a domain of nothing. Those are counted anew: from its beginning each mailbox is counted
/// once, by us or by the first change of it, and each later change of it changes the new sums by as
/// much; so that in the end they are exact, and may replace the old ones. The old ones are in force
/// until then. No call looks at more than some mailboxes.
class RedisDomainMending {
public:
    /// `header`: what the arguments of scripts begin with. The client outlives it.
    RedisDomainMending(redis::Client& client, PackedNumbers header);

    /// The domains that were wrong.
    async::Task<std::vector<std::string>> Run();

private:
    using DomainKeys = std::set<std::string>;

    async::Task<DomainKeys> Suspects();
    async::Task<> BeginCounts(const DomainKeys& suspects);
    async::Task<> CountMailboxes(const DomainKeys& suspects);
    /// Returns those whose count was given up. Appends the domains that were wrong.
    async::Task<DomainKeys> EndCounts(const DomainKeys& suspects, std::vector<std::string>& wrong);
    redis::ScriptCall CallOf(std::size_t script, const std::string& domain_key) const;

    redis::Client& client_;
    const std::string header_;
};

}  // namespace policyd::usage
