#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.hpp"
#include "common/metrics/series.hpp"
#include "common/recipients/recipient_resolver.hpp"
#include "common/usage/usage_store.hpp"
#include "policyd/checks/changed_mailboxes.hpp"

namespace policyd::checks {

/// Which filling of a mailbox is told of.
struct WarningRules {
    std::vector<std::uint64_t> percents;  ///< of either limit, ascending; empty: none
    /// By how many percent of the limit a mailbox must fall below one of them to have left it; at
    /// most by half of that one, so that an empty mailbox has left all.
    std::uint64_t hysteresis = 5;
};

/// The percentage of one of its limits that a mailbox is over when it holds that, and was over
/// `level` before; 0 for none.
std::uint64_t LevelAfter(const WarningRules& rules, const Contents& held, const Contents& limit,
                         std::uint64_t level);

/// A mailbox has come to hold more than a percentage of its limit, or less again.
struct Warning {
    std::string mailbox;
    bool is_over = true;
    std::uint64_t percent = 0;
    std::uint64_t usage = 0;
    std::uint64_t limit = 0;
    const char* unit = "bytes";      ///< or messages: of which more of the limit is used
    std::uint64_t level_before = 0;  ///< the percentage that it was over, 0 for none
};

/// Tells of mailboxes that fill up, and of those that have room again: of each crossing once, on
/// all servers that share the usage store, whether a reservation or a measurement shows it. Owned
/// by one loop thread.
class QuotaWarnings {
public:
    using Tell = std::function<void(const Warning&)>;
    using Mailboxes = std::vector<recipients::Mailbox>;

    /// `usage`, `resolver` and `changed` outlive this; `tell` is called besides logging and
    /// counting.
    QuotaWarnings(usage::UsageStore& usage, recipients::RecipientResolver& resolver,
                  ChangedMailboxes& changed, WarningRules rules, Tell tell);

    /// Whether what the store said of a reservation is for LookAt().
    bool MayBeCrossed(const Mailboxes& mailboxes, const usage::Reservation& reservation,
                      const usage::Reserved& reserved) const;

    /// Looks at what the store said of a reservation. Throws nothing of back ends; arguments
    /// outlive the task.
    async::Task<void> LookAt(const Mailboxes& mailboxes, const usage::Reservation& reservation,
                             const usage::Reserved& reserved);

    /// Has those looked at soon that are refused by what was measured, and that nobody was told of:
    /// their limits have changed.
    void LookLater(const Mailboxes& mailboxes, const usage::Reservation& reservation,
                   const usage::Reserved& reserved);

    /// Looks at mailboxes whose measurement has changed, some of them. Throws nothing of back ends:
    /// what could not be looked at is next time.
    async::Task<void> LookAtChanged();

    /// Looks at no more of them.
    void End() noexcept { has_ended_ = true; }

    /// Nobody was told of these after all: as if they had not been found yet, by this server when
    /// it is started again or by another. All are asked about at once. Returns of how many the
    /// store could not be told.
    async::Task<std::size_t> TakeBack(std::vector<Warning> untold);

    /// Gives those that nobody has looked at back to the store, for other servers or for when this
    /// one is started again. Throws nothing of back ends: what could not be given back waits.
    async::Task<void> GiveBack();

private:
    const recipients::Mailbox* Crossing(const Mailboxes& mailboxes,
                                        const usage::Reservation& reservation,
                                        const usage::Reserved& reserved, std::size_t place) const;
    async::Task<void> LookAt(std::string_view mailbox, Contents limit);
    async::Task<bool> LookAtChanged(const std::string& mailbox);
    async::Task<bool> TakeBack(const Warning& untold);
    void Announce(const Warning& warning) const;

    usage::UsageStore& usage_;
    recipients::RecipientResolver& resolver_;
    ChangedMailboxes& changed_;
    const WarningRules rules_;
    const Tell tell_;
    bool is_looking_ = false;
    bool has_ended_ = false;
    bool tables_seem_down_ = false;  // the last round came to the limits of no mailbox
    const metrics::Counter over_{metrics::Metric::kQuotaWarnings, {"over"}};
    const metrics::Counter below_{metrics::Metric::kQuotaWarnings, {"below"}};
};

}  // namespace policyd::checks
