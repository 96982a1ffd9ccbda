#include "policyd/checks/mailbox_quota_check.hpp"

#include <algorithm>
#include <utility>

#include "common/protocol/message_name.hpp"

namespace policyd::checks {

namespace {

using protocol::PolicyRequest;
using protocol::Stage;

/// Each recipient of a message holds room of its own: two that end in the same mailbox are two
/// copies, while the same one asked about again is the same copy.
std::string ReservationId(std::string_view message, std::string_view recipient) {
    std::string id(message);
    id += ' ';
    id += recipient;
    return id;
}

}  // namespace

MailboxQuotaCheck::MailboxQuotaCheck(recipients::RecipientCache& recipients,
                                     usage::UsageStore& usage, MessageTracker& messages,
                                     QuotaRules rules, Clock clock, text::WallClock wall_clock)
    : recipients_(recipients),
      messages_(messages),
      rules_(std::move(rules)),
      clock_(std::move(clock)),
      room_(usage, rules_.room, clock_, std::move(wall_clock)),
      soft_refusals_(rules_.soft_time, rules_.room.most_copies) {}

async::Task<Verdict> MailboxQuotaCheck::Evaluate(const PolicyRequest& request) {
    if (request.stage == Stage::kRcpt && !request.recipient.empty())
        co_return co_await AtRcpt(request);
    if (request.stage == Stage::kEndOfMessage) co_return co_await AtEndOfMessage(request);
    co_return Verdict::NoOpinion();
}

async::Task<Verdict> MailboxQuotaCheck::AtRcpt(const PolicyRequest& request) {
    const std::string message = protocol::MessageName(request);
    TrackedRecipient recipient;
    recipient.recipient = request.recipient;
    recipient.resolution =
        co_await recipients_.Get(recipient.recipient, rules_.recipient_stale_time);
    if (recipient.resolution->mailboxes.empty()) co_return Verdict::NoOpinion();

    // Remembered before the store is asked: if it cannot answer, the end of the message still can.
    if (!message.empty()) messages_.Remember(message, recipient, clock_());
    const Room room = co_await TakeRoom(request, message, recipient);
    if (room == Room::kFree) co_return Verdict::NoOpinion();
    messages_.Forget(message, recipient.recipient);
    co_return Refusal(room, recipient);
}

async::Task<Verdict> MailboxQuotaCheck::AtEndOfMessage(const PolicyRequest& request) {
    const std::string message = protocol::MessageName(request);
    const std::vector<TrackedRecipient> recipients = co_await AcceptedRecipients(request, message);
    Room worst = Room::kFree;
    std::vector<const TrackedRecipient*> full;
    for (const TrackedRecipient& recipient : recipients) {
        const Room room = co_await TakeRoom(request, message, recipient);
        if (room == Room::kFree) continue;
        full.push_back(&recipient);
        if (worst != Room::kUncertain) worst = room;
    }
    // Recipients that were refused later on, or never seen here, may be among the accepted ones:
    // where that cannot be told, nobody is refused on their account.
    const bool all_full = !full.empty() && full.size() == recipients.size() &&
                          recipients.size() >= request.recipient_count;
    if (!all_full &&
        (full.empty() || rules_.full_at_end_of_message == FullAtEndOfMessage::kAccept)) {
        co_await Settle(request, message, full);
        co_return Verdict::NoOpinion();
    }
    co_await GiveBack(message, recipients);
    if (!all_full && rules_.full_at_end_of_message == FullAtEndOfMessage::kDefer)
        co_return Verdict::Answer(rules_.mailbox_full_defer_action, "mailbox_full");
    co_return Refusal(worst, *full.front());
}

/// The message is let in, whether everybody has room or not.
async::Task<void> MailboxQuotaCheck::Settle(const PolicyRequest& request,
                                            const std::string& message,
                                            const std::vector<const TrackedRecipient*>& full) {
    if (!rules_.reservations || message.empty()) co_return;
    for (const TrackedRecipient* const recipient : full)
        co_await room_.Charge(ReservationId(message, recipient->recipient),
                              recipient->resolution->mailboxes, StoredSize(request));
    messages_.Settle(message, clock_());
}

async::Task<std::vector<TrackedRecipient>> MailboxQuotaCheck::AcceptedRecipients(
    const PolicyRequest& request, const std::string& message) {
    std::vector<TrackedRecipient> recipients = messages_.Recipients(message, clock_());
    if (request.recipient.empty()) co_return recipients;

    // Exactly one was accepted, and this is it.
    const auto accepted = std::stable_partition(
        recipients.begin(), recipients.end(),
        [&](const auto& recipient) { return recipient.recipient == request.recipient; });
    std::vector<TrackedRecipient> refused(accepted, recipients.end());
    recipients.erase(accepted, recipients.end());
    if (!refused.empty()) co_await GiveBack(message, std::move(refused));
    if (recipients.empty()) {
        TrackedRecipient recipient;
        recipient.recipient = request.recipient;
        recipient.resolution =
            co_await recipients_.Get(recipient.recipient, rules_.recipient_stale_time);
        if (!recipient.resolution->mailboxes.empty()) recipients.push_back(std::move(recipient));
    }
    co_return recipients;
}

async::Task<Room> MailboxQuotaCheck::TakeRoom(const PolicyRequest& request,
                                              const std::string& message,
                                              const TrackedRecipient& recipient) {
    const auto& mailboxes = recipient.resolution->mailboxes;
    const std::uint64_t bytes = StoredSize(request);
    const bool exempt = rules_.exempt.Cover(request, recipient.recipient);
    const bool reserves = rules_.reservations && !message.empty();
    const std::string id = ReservationId(message, recipient.recipient);
    Room room = Room::kFree;
    if (exempt) {
        if (reserves) co_await room_.Charge(id, mailboxes, bytes);
    } else if (reserves) {
        room = co_await room_.Take(id, mailboxes, bytes);
    } else {
        room = co_await room_.Look(mailboxes, bytes);
    }
    if (room == Room::kFree) soft_refusals_.HasRoom(mailboxes);
    co_return room;
}

Verdict MailboxQuotaCheck::Refusal(Room room, const TrackedRecipient& recipient) {
    if (room == Room::kUncertain)
        return Verdict::Answer(rules_.mailbox_full_defer_action, "stale_usage");
    if (soft_refusals_.IsForGood(recipient.resolution->mailboxes, clock_()))
        return Verdict::Answer(rules_.mailbox_full_action, "mailbox_full");
    return Verdict::Answer(rules_.mailbox_full_defer_action, "mailbox_full_for_now");
}

async::Task<void> MailboxQuotaCheck::GiveBack(std::string message,
                                              std::vector<TrackedRecipient> recipients) {
    if (!rules_.reservations || message.empty()) co_return;
    for (const TrackedRecipient& recipient : recipients)
        co_await room_.GiveBack(ReservationId(message, recipient.recipient),
                                recipient.resolution->mailboxes);
}

async::Task<void> MailboxQuotaCheck::EndMessage(std::string_view message) {
    std::vector<TrackedRecipient> unsettled = messages_.End(message);
    co_await GiveBack(std::string(message), std::move(unsettled));
}

std::vector<TrackedRecipient> MailboxQuotaCheck::RememberedRecipients(
    const PolicyRequest& request) {
    std::vector<TrackedRecipient> recipients;
    if (!request.recipient.empty()) {
        TrackedRecipient recipient;
        recipient.recipient = request.recipient;
        recipient.resolution =
            recipients_.Remembered(request.recipient, rules_.recipient_stale_time);
        if (recipient.resolution) recipients.push_back(std::move(recipient));
    } else {
        recipients = messages_.Recipients(protocol::MessageName(request), clock_());
    }
    return recipients;
}

std::optional<Verdict> MailboxQuotaCheck::AsRemembered(const PolicyRequest& request) {
    if (rules_.room.stale_time.count() == 0) return std::nullopt;
    const std::vector<TrackedRecipient> recipients = RememberedRecipients(request);
    if (recipients.empty()) return std::nullopt;
    std::size_t full = 0;
    for (const TrackedRecipient& recipient : recipients) {
        if (rules_.exempt.Cover(request, recipient.recipient)) continue;
        const auto room = room_.AsRemembered(recipient.resolution->mailboxes, StoredSize(request));
        if (!room) return std::nullopt;
        if (*room != Room::kFree) ++full;
    }
    // A message for several is let in for the sake of one, and never refused for good.
    if (full < recipients.size()) return Verdict::NoOpinion();
    return Verdict::Answer(rules_.mailbox_full_defer_action, "remembered_full");
}

std::uint64_t MailboxQuotaCheck::StoredSize(const PolicyRequest& request) const {
    const bool undeclared = request.stage == Stage::kRcpt && request.size == 0;
    return (undeclared ? rules_.undeclared_size : request.size) + rules_.delivery_overhead;
}

}  // namespace policyd::checks
