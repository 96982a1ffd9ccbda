#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/redis/client.hpp"
#include "common/usage/packed_numbers.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// Finds the domains of which Redis has other sums than their mailboxes come to, since it has lost
/// keys, and puts them right.
///
/// Which they may be is read from all records, one after the other: where mail comes meanwhile that
/// suspects a domain of nothing. Those are counted anew: from its beginning each mailbox is counted
/// once, by us or by the first change of it, and each later change of it changes the new sums by as
/// much; so that in the end they are exact, and may replace the old ones. The old ones are in force
/// until then. No call looks at more than some mailboxes. A domain of which something is no record
/// of ours is left as it is.
class RedisDomainMending {
public:
    /// `header`: what the arguments of scripts begin with. The client outlives it.
    RedisDomainMending(redis::Client& client, PackedNumbers header);

    async::Task<MendedDomains> Run();

private:
    using DomainKeys = std::set<std::string>;

    async::Task<DomainKeys> Suspects();
    /// What is stored under the key, which is the domain's or that of a mailbox of it; empty where
    /// there is nothing, or something else.
    std::string RecordIn(redis::Reply reply, const std::string& key, const std::string& domain);
    async::Task<> BeginCounts(const DomainKeys& suspects);
    async::Task<> CountMailboxes(const DomainKeys& suspects);
    /// Returns those whose count was given up.
    async::Task<DomainKeys> EndCounts(const DomainKeys& suspects);
    /// Nothing for a domain of which something is broken.
    async::Task<std::optional<redis::Reply>> Evaluate(std::size_t script, std::string domain_key,
                                                      std::span<const std::string> mailboxes = {});

    redis::Client& client_;
    const std::string header_;
    std::vector<std::string> wrong_;             // keys of domains
    std::map<std::string, std::string> broken_;  // what is, by the keys of domains
};

}  // namespace policyd::usage
