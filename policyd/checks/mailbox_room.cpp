#include "policyd/checks/mailbox_room.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace policyd::checks {

namespace {

using recipients::Mailbox;
using usage::Usage;

bool IsLimited(const Mailbox& mailbox) {
    return mailbox.quota_bytes != 0 || mailbox.quota_messages != 0;
}

/// a + b, or the largest number there is.
std::uint64_t Sum(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

/// As usage::UsageStore::Reserve decides.
bool HasRoomFor(std::uint64_t bytes, const Usage& usage, const usage::Limit& limit) {
    const std::uint64_t stored = Sum(usage.bytes, usage.reserved_bytes);
    const std::uint64_t messages = Sum(usage.messages, usage.reserved_messages);
    const bool bytes_fit =
        limit.bytes == 0 || Sum(stored, std::max<std::uint64_t>(bytes, 1)) <= limit.bytes;
    return bytes_fit && (limit.messages == 0 || Sum(messages, 1) <= limit.messages);
}

}  // namespace

MailboxRoom::MailboxRoom(usage::UsageStore& usage, const RoomRules& rules, UsageCopies::Clock clock)
    : usage_(usage),
      rules_(rules),
      copies_(
          rules.most_copies, rules.stale_time, std::move(clock),
          [time = rules.copy_time](const std::optional<Usage>&) { return time; },
          [&usage](const std::string& mailbox) { return usage.Find(mailbox); }) {}

usage::Limit MailboxRoom::LimitOf(const Mailbox& mailbox) const {
    usage::Limit limit;
    limit.mailbox = mailbox.name;
    limit.messages = mailbox.quota_messages;
    if (mailbox.quota_bytes == 0) return limit;
    std::uint64_t percent = 0;
    if (__builtin_mul_overflow(mailbox.quota_bytes, rules_.grace_percent, &percent))
        percent = std::numeric_limits<std::uint64_t>::max();
    limit.bytes = Sum(mailbox.quota_bytes, Sum(percent / 100, rules_.grace_bytes));
    return limit;
}

usage::Reservation MailboxRoom::ReservationFor(std::string_view id, const Mailboxes& mailboxes,
                                               std::uint64_t bytes) const {
    usage::Reservation reservation;
    reservation.id = id;
    reservation.bytes = bytes;
    for (const Mailbox& mailbox : mailboxes)
        if (IsLimited(mailbox)) reservation.limits.push_back(LimitOf(mailbox));
    return reservation;
}

bool MailboxRoom::Refuses(std::size_t full, std::size_t targets) const {
    if (full == 0) return false;
    if (targets == 1) return true;
    switch (rules_.full_target_refuses) {
        case FullTargetRefuses::kAny:
            return true;
        case FullTargetRefuses::kAll:
            return full == targets;
        case FullTargetRefuses::kNever:
            return false;
    }
    return false;
}

async::Task<bool> MailboxRoom::Has(const Mailboxes& mailboxes, std::uint64_t bytes) {
    std::size_t full = 0;
    for (const Mailbox& mailbox : mailboxes) {
        if (!IsLimited(mailbox)) continue;
        // A mailbox that the store does not know is new, and empty.
        const UsageCopies::Answer usage = co_await copies_.Get(mailbox.name);
        if (!HasRoomFor(bytes, usage->value_or(Usage()), LimitOf(mailbox))) ++full;
    }
    co_return !Refuses(full, mailboxes.size());
}

async::Task<bool> MailboxRoom::Take(std::string_view id, const Mailboxes& mailboxes,
                                    std::uint64_t bytes) {
    usage::Reservation reservation = ReservationFor(id, mailboxes, bytes);
    if (reservation.limits.empty()) co_return true;
    const usage::Reserved reserved = co_await usage_.Reserve(reservation);
    if (reserved.full.empty()) co_return true;
    if (Refuses(reserved.full.size(), mailboxes.size())) co_return false;
    reservation.force = true;
    co_await usage_.Reserve(reservation);
    co_return true;
}

async::Task<void> MailboxRoom::Charge(std::string_view id, const Mailboxes& mailboxes,
                                      std::uint64_t bytes) {
    usage::Reservation reservation = ReservationFor(id, mailboxes, bytes);
    reservation.force = true;
    if (!reservation.limits.empty()) co_await usage_.Reserve(reservation);
}

async::Task<void> MailboxRoom::GiveBack(std::string_view id, const Mailboxes& mailboxes) {
    std::vector<std::string> names;
    for (const Mailbox& mailbox : mailboxes)
        if (IsLimited(mailbox)) names.push_back(mailbox.name);
    if (!names.empty()) co_await usage_.Release(id, names);
}

}  // namespace policyd::checks
