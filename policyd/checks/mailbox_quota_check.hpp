#pragma once

#include <string>
#include <vector>

#include "common/recipients/recipient_cache.hpp"
#include "policyd/checks/exemptions.hpp"
#include "policyd/checks/mailbox_room.hpp"
#include "policyd/checks/message_tracker.hpp"
#include "policyd/checks/policy_check.hpp"
#include "policyd/checks/soft_refusals.hpp"

namespace policyd::checks {

/// What becomes, at END-OF-MESSAGE, of a message some of whose recipients have no room for its real
/// size: Postfix takes one answer for all of them.
enum class FullAtEndOfMessage { kAccept, kDefer, kReject };

/// The options of the check.
struct QuotaRules {
    std::string mailbox_full_action = "552 5.2.2 Mailbox is full";
    std::string mailbox_full_defer_action = "452 4.2.2 Mailbox is full";
    RoomRules room;
    FullAtEndOfMessage full_at_end_of_message = FullAtEndOfMessage::kAccept;
    bool reservations = true;
    /// For how long beyond its time a resolved recipient serves while tables cannot be asked.
    std::chrono::milliseconds recipient_stale_time{0};
    std::uint64_t undeclared_size = 0;    ///< bytes assumed at RCPT without SIZE=
    std::uint64_t delivery_overhead = 0;  ///< bytes that delivery adds to a message's size
    Exemptions exempt;
    /// For how long mail for a full mailbox is deferred before it is refused for good.
    std::chrono::milliseconds soft_time{0};
};

/// Turns away mail that would not fit into the mailboxes of its recipient.
///
/// At RCPT the declared size is reserved, so that a recipient without room is refused alone; at
/// END-OF-MESSAGE the reservation is settled to the real size. A message is its Postfix host and
/// its instance, so that a repeated request is charged once.
class MailboxQuotaCheck final : public PolicyCheck {
public:
    using Clock = recipients::RecipientCache::Clock;

    /// Everything passed by reference outlives the check; `clock` is monotonic,
    /// `wall_clock` the one that measurements go by.
    MailboxQuotaCheck(recipients::RecipientCache& recipients, usage::UsageStore& usage,
                      MessageTracker& messages, QuotaRules rules, Clock clock,
                      text::WallClock wall_clock);

    std::string_view Name() const override { return "mailbox_quota"; }
    async::Task<Verdict> Evaluate(const protocol::PolicyRequest& request) override;
    async::Task<void> EndMessage(std::string_view message) override;
    std::optional<Verdict> AsRemembered(const protocol::PolicyRequest& request) override;

private:
    /// The recipients that an outage leaves: of a message that ends, or the one of an RCPT.
    std::vector<TrackedRecipient> RememberedRecipients(const protocol::PolicyRequest& request);
    async::Task<Verdict> AtRcpt(const protocol::PolicyRequest& request);
    async::Task<Verdict> AtEndOfMessage(const protocol::PolicyRequest& request);
    async::Task<void> Settle(const protocol::PolicyRequest& request, const std::string& message,
                             const std::vector<const TrackedRecipient*>& full);
    async::Task<std::vector<TrackedRecipient>> AcceptedRecipients(
        const protocol::PolicyRequest& request, const std::string& message);
    async::Task<Room> TakeRoom(const protocol::PolicyRequest& request, const std::string& message,
                               const TrackedRecipient& recipient);
    Verdict Refusal(Room room, const TrackedRecipient& recipient);
    async::Task<void> GiveBack(std::string message, std::vector<TrackedRecipient> recipients);
    std::uint64_t StoredSize(const protocol::PolicyRequest& request) const;

    recipients::RecipientCache& recipients_;
    MessageTracker& messages_;
    const QuotaRules rules_;
    const Clock clock_;
    MailboxRoom room_;
    SoftRefusals soft_refusals_;
};

}  // namespace policyd::checks
