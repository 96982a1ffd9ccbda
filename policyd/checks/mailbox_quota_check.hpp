#pragma once

#include <string>
#include <vector>

#include "common/recipients/recipient_cache.hpp"
#include "policyd/checks/exemptions.hpp"
#include "policyd/checks/held_room.hpp"
#include "policyd/checks/mailbox_room.hpp"
#include "policyd/checks/message_sizes.hpp"
#include "policyd/checks/message_tracker.hpp"
#include "policyd/checks/owed_changes.hpp"
#include "policyd/checks/policy_check.hpp"
#include "policyd/checks/site_average.hpp"

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
    SizeRules size;
    Exemptions exempt;
};

/// Turns away mail that would not fit into the mailboxes of its recipient.
///
/// At RCPT the declared size is reserved, so that a recipient without room is refused alone; at
/// END-OF-MESSAGE the reservation is settled to the real size. A message is its Postfix host and
/// its instance, so that a repeated request is charged once. Mail that was let in while the store
/// could not be asked is owed to it.
class MailboxQuotaCheck final : public PolicyCheck {
public:
    using Clock = recipients::RecipientCache::Clock;

    /// What messages and threads share.
    struct Parts {
        recipients::RecipientCache& recipients;
        usage::UsageStore& usage;
        QuotaWarnings& warnings;
        MessageTracker& messages;
        OwedChanges& owed;
        SiteAverage& average;
    };

    /// All parts outlive the check; `clock` is monotonic, `wall_clock` the one that measurements
    /// go by.
    MailboxQuotaCheck(const Parts& parts, QuotaRules rules, Clock clock,
                      text::WallClock wall_clock);

    std::string_view Name() const override { return "mailbox_quota"; }
    async::Task<Verdict> Evaluate(const protocol::PolicyRequest& request,
                                  Findings& findings) override;
    void Foresee(const protocol::PolicyRequest& request, async::Ahead what) override;
    std::optional<Verdict> AtHand(const protocol::PolicyRequest& request) override;
    Rest EndMessage(std::string_view message) override;
    Rest LeaveMessage(std::string_view message) override;
    async::Task<void> WasLetPass(const protocol::PolicyRequest& request,
                                 Findings& findings) override;
    async::Task<void> WasRefused(const protocol::PolicyRequest& request,
                                 Findings& findings) override;
    std::optional<Verdict> AsRemembered(const protocol::PolicyRequest& request,
                                        const Findings& findings) override;
    outage::Unavailable::BackEnd WaitsFor(const Findings& findings) const override;
    void TakeOver(PolicyCheck& predecessor, bool asks_alike) override;

private:
    using Recipients = std::vector<TrackedRecipient>;

    static async::Task<Verdict> NotConcerned();
    async::Task<Verdict> AtRcpt(const protocol::PolicyRequest& request, Findings& findings);
    async::Task<Verdict> AtEndOfMessage(const protocol::PolicyRequest& request, Findings& findings);
    /// The size is known at hand as well, and nobody needs to be exempt.
    bool HasRoomAtHand(const protocol::PolicyRequest& request,
                       const MailboxRoom::Mailboxes& mailboxes);
    /// What comes of remembering a recipient.
    struct Noted {
        Verdict verdict;
        /// Mailboxes in which it may hold room that its mail does not go to any more.
        std::vector<std::string> left;
        std::uint64_t refused_bytes = 0;  ///< see MessageTracker::RefusedBefore()
    };
    Noted Remember(const protocol::PolicyRequest& request, const std::string& message,
                   const TrackedRecipient& recipient, std::chrono::milliseconds asked_at);
    async::Task<TrackedRecipient> Resolved(std::string_view recipient, Findings& findings);
    async::Task<void> FindAccepted(const protocol::PolicyRequest& request,
                                   const std::string& message, Findings& findings);
    Recipients Known(const protocol::PolicyRequest& request, const Findings& findings);
    async::Task<Taken> TakeRoom(const protocol::PolicyRequest& request, const std::string& message,
                                const TrackedRecipient& recipient, WithRoom with_room);
    async::Task<std::vector<Taken>> TakeRoomForAll(const protocol::PolicyRequest& request,
                                                   const std::string& message,
                                                   const Recipients& recipients,
                                                   WithRoom with_room);
    async::Task<Verdict> Refusal(const Taken& taken, std::string_view message);
    async::Task<void> Charge(const protocol::PolicyRequest& request, const std::string& message,
                             const TrackedRecipient& recipient, bool has_room);
    async::Task<void> FindOut(const protocol::PolicyRequest& request, const std::string& message,
                              Findings& findings);

    recipients::RecipientCache& recipients_;
    MessageTracker& messages_;
    OwedChanges& owed_;
    const QuotaRules rules_;
    const Clock clock_;
    HeldRoom held_;
    MailboxRoom room_;
    MessageSizes sizes_;
};

}  // namespace policyd::checks
