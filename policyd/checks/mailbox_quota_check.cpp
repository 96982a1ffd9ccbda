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
                                     QuotaRules rules, Clock clock)
    : recipients_(recipients),
      messages_(messages),
      rules_(std::move(rules)),
      clock_(std::move(clock)),
      room_(usage, rules_.room, clock_) {}

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
    recipient.resolution = co_await recipients_.Get(recipient.recipient);
    if (recipient.resolution->mailboxes.empty()) co_return Verdict::NoOpinion();

    // Remembered before the store is asked: if it cannot answer, the end of the message still can.
    if (!message.empty()) messages_.Remember(message, recipient, clock_());
    if (co_await HasRoom(request, message, recipient)) co_return Verdict::NoOpinion();
    co_return Verdict::Answer(rules_.mailbox_full_action, "mailbox_full");
}

async::Task<Verdict> MailboxQuotaCheck::AtEndOfMessage(const PolicyRequest& request) {
    const std::string message = protocol::MessageName(request);
    const std::vector<TrackedRecipient> recipients = co_await AcceptedRecipients(request, message);
    const std::uint64_t bytes = StoredSize(request);
    std::vector<const TrackedRecipient*> full;
    for (const TrackedRecipient& recipient : recipients)
        if (!co_await HasRoom(request, message, recipient)) full.push_back(&recipient);

    // Recipients that were refused later on, or never seen here, may be among the accepted ones:
    // where that cannot be told, nobody is refused on their account.
    const bool all_full = !full.empty() && full.size() == recipients.size() &&
                          recipients.size() >= request.recipient_count;
    const bool refuse =
        all_full || (!full.empty() && rules_.full_at_end_of_message != FullAtEndOfMessage::kAccept);
    if (!refuse) {
        if (rules_.reservations && !message.empty()) {
            for (const TrackedRecipient* const recipient : full)
                co_await room_.Charge(ReservationId(message, recipient->recipient),
                                      recipient->resolution->mailboxes, bytes);
            messages_.Settle(message, clock_());
        }
        co_return Verdict::NoOpinion();
    }
    co_await GiveBack(message, recipients);
    messages_.End(message);
    const bool defer = !all_full && rules_.full_at_end_of_message == FullAtEndOfMessage::kDefer;
    co_return Verdict::Answer(defer ? rules_.mailbox_full_defer_action : rules_.mailbox_full_action,
                              "mailbox_full");
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
        recipient.resolution = co_await recipients_.Get(recipient.recipient);
        if (!recipient.resolution->mailboxes.empty()) recipients.push_back(std::move(recipient));
    }
    co_return recipients;
}

async::Task<bool> MailboxQuotaCheck::HasRoom(const PolicyRequest& request,
                                             const std::string& message,
                                             const TrackedRecipient& recipient) {
    const auto& mailboxes = recipient.resolution->mailboxes;
    const std::uint64_t bytes = StoredSize(request);
    const bool exempt = rules_.exempt.Cover(request, recipient.recipient);
    if (!rules_.reservations || message.empty())
        co_return exempt || co_await room_.Has(mailboxes, bytes);

    const std::string id = ReservationId(message, recipient.recipient);
    if (!exempt) co_return co_await room_.Take(id, mailboxes, bytes);
    co_await room_.Charge(id, mailboxes, bytes);
    co_return true;
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

std::uint64_t MailboxQuotaCheck::StoredSize(const PolicyRequest& request) const {
    const bool undeclared = request.stage == Stage::kRcpt && request.size == 0;
    return (undeclared ? rules_.undeclared_size : request.size) + rules_.delivery_overhead;
}

}  // namespace policyd::checks
