#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.hpp"
#include "common/recipients/mailbox.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::checks {

/// Whether one full target of an alias refuses the mail for all of them.
enum class FullTargetRefuses {
    kAny,    ///< one full target is enough
    kAll,    ///< only when no target has room
    kNever,  ///< an alias is never refused; a recipient that is one mailbox is
};

/// By how much a mailbox may exceed its limit.
struct QuotaGrace {
    std::uint64_t percent = 0;
    std::uint64_t bytes = 0;
};

/// Room for one recipient of a message, in all the mailboxes that its mail goes to. Owned by one
/// loop thread. Everything throws outage::UsageStoreUnavailable as the store does, and arguments
/// outlive the returned tasks.
class MailboxRoom {
public:
    using Mailboxes = std::vector<recipients::Mailbox>;

    MailboxRoom(usage::UsageStore& usage, FullTargetRefuses rule, QuotaGrace grace)
        : usage_(usage), rule_(rule), grace_(grace) {}

    /// Only looks: true where a message of this size would be let in now.
    async::Task<bool> Has(const Mailboxes& mailboxes, std::uint64_t bytes);

    /// Reserves room under `id`, or adjusts what `id` holds to this size. False where the rule
    /// refuses; `id` then holds what it held before. Where the rule lets mail in although a target
    /// is full, that target is charged all the same: the mail will be there.
    async::Task<bool> Take(std::string_view id, const Mailboxes& mailboxes, std::uint64_t bytes);

    /// Charges the mailboxes whether they have room or not.
    async::Task<void> Charge(std::string_view id, const Mailboxes& mailboxes, std::uint64_t bytes);

    async::Task<void> GiveBack(std::string_view id, const Mailboxes& mailboxes);

private:
    bool Refuses(std::size_t full, std::size_t targets) const;

    usage::Limit LimitOf(const recipients::Mailbox& mailbox) const;
    usage::Reservation ReservationFor(std::string_view id, const Mailboxes& mailboxes,
                                      std::uint64_t bytes) const;

    usage::UsageStore& usage_;
    const FullTargetRefuses rule_;
    const QuotaGrace grace_;
};

}  // namespace policyd::checks
