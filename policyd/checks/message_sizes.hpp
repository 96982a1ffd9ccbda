#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/async/answer_cache.hpp"
#include "common/async/task.hpp"
#include "common/usage/usage_store.hpp"
#include "policyd/checks/delivery_overhead.hpp"
#include "policyd/checks/mailbox_room.hpp"
#include "policyd/checks/message_tracker.hpp"
#include "policyd/checks/site_average.hpp"

namespace policyd::checks {

/// How large a message is taken to be.
struct SizeRules {
    /// Bytes assumed at RCPT without SIZE=; nothing: what the site's messages have on average.
    std::optional<std::uint64_t> undeclared_size = 0;
    /// Bytes that delivery adds to a message's size; nothing: as many as are estimated.
    std::optional<std::uint64_t> delivery_overhead = 0;
    DeliveryRules delivery;
};

/// What one copy of a message takes up, in bytes: its size as Postfix tells it, or as it is assumed
/// to be where nobody has declared any, and what delivery adds. Owned by one loop thread.
class MessageSizes {
public:
    /// `usage` and `average` outlive this; `clock` is monotonic.
    MessageSizes(usage::UsageStore& usage, SiteAverage& average, SizeRules rules,
                 SiteAverage::Clock clock);

    /// In these mailboxes of this recipient. Nothing where it is the average of the site's
    /// messages, which nobody has asked for yet.
    std::optional<std::uint64_t> AtHand(const protocol::PolicyRequest& request,
                                        std::string_view recipient,
                                        const std::vector<recipients::Mailbox>& mailboxes);

    /// Asks for the average where there is none yet. Throws as the store does; arguments outlive
    /// the returned task.
    async::Task<StoredSize> Of(const protocol::PolicyRequest& request,
                               const TrackedRecipient& recipient);

    /// By the size that Postfix tells, which is 0 where nobody has declared any.
    std::uint64_t AsTold(const protocol::PolicyRequest& request,
                         const TrackedRecipient& recipient) const;

    /// Without asking for an average, which then counts as nothing.
    std::uint64_t WithoutAverage(const protocol::PolicyRequest& request,
                                 const TrackedRecipient& recipient) const;

private:
    std::uint64_t OverheadOf(const protocol::PolicyRequest& request, std::string_view recipient,
                             const std::vector<recipients::Mailbox>& mailboxes) const;
    std::uint64_t OverheadOf(const protocol::PolicyRequest& request,
                             const TrackedRecipient& recipient) const {
        return OverheadOf(request, recipient.recipient, recipient.resolution->mailboxes);
    }

    const SizeRules rules_;
    SiteAverage& average_;
    const SiteAverage::Clock clock_;
    /// Keeps nothing: has those who ask before there is any average wait for one look-up.
    async::AnswerCache<std::uint64_t> first_;
};

}  // namespace policyd::checks
