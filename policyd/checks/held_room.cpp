#include "policyd/checks/held_room.hpp"

#include <exception>
#include <utility>

#include "common/async/when_all.hpp"
#include "policyd/checks/mailbox_room.hpp"
#include "policyd/checks/portion.hpp"

namespace policyd::checks {

namespace {

using usage::Unreserve;

/// How many recipients of all messages that were given up are given back at once: what others ask
/// the store meanwhile waits for that, and the store has to answer all of it in time.
constexpr std::size_t kAtOnce = 1'000;

}  // namespace

HeldRoom::HeldRoom(usage::UsageStore& usage, const MessageTracker& messages, OwedChanges& owed,
                   bool reserves)
    : usage_(usage), messages_(messages), owed_(owed), reserves_(reserves) {}

/// Each recipient of a message holds room of its own: two that end in the same mailbox are two
/// copies, while the same one asked about again is the same copy.
std::string HeldRoom::Id(std::string_view message, std::string_view recipient) {
    std::string id;
    id.reserve(message.size() + 1 + recipient.size());
    id += message;
    id += ' ';
    id += recipient;
    return id;
}

async::Task<void> HeldRoom::GiveBack(std::string message, Recipients recipients, Unreserve what) {
    for (std::size_t next = 0; next < recipients.size();) {
        // At once: the connection's next message must not find what this one held.
        std::vector<async::Task<void>> tasks;
        for (const std::size_t end = EndOfPortion(recipients, next); next < end; ++next) {
            const TrackedRecipient& recipient = recipients[next];
            std::vector<std::string> mailboxes =
                MailboxRoom::LimitedOf(recipient.resolution->mailboxes);
            if (!mailboxes.empty() && IsHeldFor(recipient, message))
                tasks.push_back(
                    GiveBack(Id(message, recipient.recipient), std::move(mailboxes), what));
        }
        co_await async::WhenAll(std::move(tasks));
    }
}

async::Task<void> HeldRoom::GiveBack(std::string id, std::vector<std::string> mailboxes,
                                     Unreserve what) {
    bool is_down = false;
    try {
        co_await usage_.Release(id, mailboxes, what);
    } catch (const outage::UsageStoreUnavailable&) {
        is_down = true;
    }
    if (is_down) owed_.GiveBack(id, std::move(mailboxes), what);
}

void HeldRoom::GiveBackLater(std::string_view message, const TrackedRecipient& recipient,
                             Unreserve what) {
    if (!IsHeldFor(recipient, message)) return;
    owed_.GiveBack(Id(message, recipient.recipient),
                   MailboxRoom::LimitedOf(recipient.resolution->mailboxes), what);
}

HeldRoom::Rest HeldRoom::GiveUp(std::string_view message, Recipients unsettled) {
    if (unsettled.empty()) return std::nullopt;
    return GiveBackInTurn({std::string(message), std::move(unsettled)});
}

/// Where too much is being given back already, those who are at it come to this as well.
async::Task<void> HeldRoom::GiveBackInTurn(GivenUp message) {
    given_up_.push_back(std::move(message));
    std::exception_ptr failure;
    while (!given_up_.empty() && being_given_back_ < kAtOnce) {
        GivenUp next = std::move(given_up_.front());
        given_up_.pop_front();
        const std::size_t count = next.recipients.size();
        being_given_back_ += count;
        try {
            co_await GiveBackUnlessAskedAgain(std::move(next));
        } catch (...) {
            failure = std::current_exception();
        }
        being_given_back_ -= count;
    }
    if (failure) std::rethrow_exception(failure);
}

/// What is asked about again before its portion's turn comes holds room anew.
async::Task<void> HeldRoom::GiveBackUnlessAskedAgain(GivenUp message) {
    Recipients& recipients = message.recipients;
    for (std::size_t next = 0; next < recipients.size();) {
        Recipients portion;
        for (const std::size_t end = EndOfPortion(recipients, next); next < end; ++next)
            portion.push_back(std::move(recipients[next]));
        messages_.LeaveOutExpected(message.message, portion);
        co_await GiveBack(message.message, std::move(portion), Unreserve::kWhatIsUnsettled);
    }
}

}  // namespace policyd::checks
