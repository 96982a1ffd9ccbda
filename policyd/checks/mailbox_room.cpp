#include "policyd/checks/mailbox_room.hpp"

#include <algorithm>

namespace policyd::checks {

namespace {

using recipients::Mailbox;
using usage::Usage;

bool IsLimited(const Mailbox& mailbox) {
    return mailbox.quota_bytes != 0 || mailbox.quota_messages != 0;
}

bool HasRoomFor(std::uint64_t bytes, const Usage& usage, const Mailbox& mailbox) {
    const auto fits = [](std::uint64_t used, std::uint64_t reserved, std::uint64_t more,
                         std::uint64_t limit) {
        if (limit == 0) return true;
        if (used > limit || reserved > limit - used) return false;
        return more <= limit - used - reserved;
    };
    return fits(usage.bytes, usage.reserved_bytes, std::max<std::uint64_t>(bytes, 1),
                mailbox.quota_bytes) &&
           fits(usage.messages, usage.reserved_messages, 1, mailbox.quota_messages);
}

usage::Reservation ReservationFor(std::string_view id, const MailboxRoom::Mailboxes& mailboxes,
                                  std::uint64_t bytes) {
    usage::Reservation reservation;
    reservation.id = id;
    reservation.bytes = bytes;
    for (const Mailbox& mailbox : mailboxes) {
        if (!IsLimited(mailbox)) continue;
        usage::Limit limit;
        limit.mailbox = mailbox.name;
        limit.bytes = mailbox.quota_bytes;
        limit.messages = mailbox.quota_messages;
        reservation.limits.push_back(std::move(limit));
    }
    return reservation;
}

}  // namespace

bool MailboxRoom::Refuses(std::size_t full, std::size_t targets) const {
    if (full == 0) return false;
    if (targets == 1) return true;
    switch (rule_) {
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
        const std::optional<Usage> usage = co_await usage_.Find(mailbox.name);
        if (!HasRoomFor(bytes, usage.value_or(Usage()), mailbox)) ++full;
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
