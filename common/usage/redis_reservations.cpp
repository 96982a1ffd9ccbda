#include "common/usage/redis_reservations.hpp"

#include <algorithm>
#include <utility>

#include "common/usage/packed_numbers.hpp"
#include "common/usage/redis_keys.hpp"
#include "common/usage/redis_records.hpp"

namespace policyd::usage {

namespace {

using Held = RecentReservations::Held;
using std::chrono::milliseconds;

/// What the script does with a part.
constexpr std::size_t kGivenBack = 0;
constexpr std::size_t kMade = 1;

}  // namespace

std::vector<ReservationInDomain> InItsDomains(const Reservation& reservation) {
    std::vector<ReservationInDomain> parts;
    const auto part_of = [&parts](std::string_view domain) -> ReservationInDomain& {
        const auto known = std::find_if(parts.begin(), parts.end(), [domain](const auto& part) {
            return part.domain == domain;
        });
        if (known != parts.end()) return *known;
        return parts.emplace_back(ReservationInDomain{domain, RedisDomainKey(domain)});
    };
    for (std::size_t i = 0; i < reservation.limits.size(); ++i)
        part_of(DomainOf(reservation.limits[i].mailbox)).limits.push_back(i);
    for (std::size_t i = 0; i < reservation.domain_limits.size(); ++i)
        part_of(reservation.domain_limits[i].domain).domain_limit = i;
    // In an order that all share, so that of two messages for the same domains one is the first.
    std::sort(parts.begin(), parts.end(),
              [](const auto& a, const auto& b) { return a.domain < b.domain; });
    for (ReservationInDomain& part : parts) part.tells_held = parts.size() > 1;
    return parts;
}

RedisReservationPart ReservePart(const Reservation& reservation, const ReservationInDomain& part,
                                 Needs needs) {
    DomainLimit whole;
    if (part.domain_limit) whole = reservation.domain_limits[*part.domain_limit];
    PackedNumbers numbers;
    numbers << part.limits.size() << kMade << reservation.bytes << reservation.age
            << static_cast<std::size_t>(needs) << std::size_t{reservation.settled}
            << std::size_t{reservation.ends_fullness && !part.tells_held}
            << std::size_t{part.tells_held} << std::size_t{part.domain_limit.has_value()}
            << whole.bytes << whole.messages;
    RedisReservationPart reserve;
    reserve.keys.Append(part.domain_key);
    for (const std::size_t i : part.limits) {
        const Limit& limit = reservation.limits[i];
        reserve.keys.Append(RedisMailboxKey(limit.mailbox));
        numbers << limit.bytes << limit.messages << limit.copies;
    }
    reserve.arguments.Append(numbers.Bytes());
    reserve.arguments.Append(RedisReservationField(reservation.id));
    return reserve;
}

RedisReservationPart HoldPart(const Held& held, milliseconds age, Settling settling) {
    constexpr std::size_t kNoLimit = 0;
    constexpr std::size_t kNot = 0;
    PackedNumbers numbers;
    numbers << std::size_t{1} << kMade << held.bytes << age
            << static_cast<std::size_t>(Needs::kNoRoom) << static_cast<std::size_t>(settling)
            << kNot << kNot << kNot << kNoLimit << kNoLimit;
    numbers << kNoLimit << kNoLimit << held.copies;
    RedisReservationPart hold;
    hold.keys.Append(RedisDomainKey(DomainOf(held.mailbox)));
    hold.keys.Append(RedisMailboxKey(held.mailbox));
    hold.arguments.Append(numbers.Bytes());
    hold.arguments.Append(RedisReservationField(held.id));
    return hold;
}

RedisReservationPart ReleasePart(std::string_view id, std::span<const std::string> mailboxes,
                                 Unreserve what, milliseconds age) {
    RedisReservationPart release;
    release.keys.Append(RedisDomainKey(DomainOf(mailboxes.front())));
    for (const std::string& mailbox : mailboxes) release.keys.Append(RedisMailboxKey(mailbox));
    PackedNumbers numbers;
    numbers << mailboxes.size() << kGivenBack << std::size_t{what == Unreserve::kEverything} << age;
    release.arguments.Append(numbers.Bytes());
    release.arguments.Append(RedisReservationField(id));
    return release;
}

bool TakeAnswer(const Reservation& reservation, const ReservationInDomain& part,
                std::string_view reply, Reserved& answer, std::vector<GrantedBefore>& granted) {
    UnpackedNumbers numbers(reply);
    const bool is_granted = numbers.NextCount() != 0;
    const bool domain_is_full = numbers.NextCount() != 0;
    if (part.domain_limit) {
        answer.domain_usage[*part.domain_limit] = NextUsage(numbers);
        if (domain_is_full && !is_granted) answer.full_domains.push_back(*part.domain_limit);
    }
    for (const std::size_t limit : part.limits) {
        const bool is_full = numbers.NextCount() != 0;
        answer.usage[limit] = NextUsage(numbers);
        answer.usage[limit].measured_at = Measured(numbers.NextTime());
        answer.warned[limit] = Percentage(numbers.Next());
        if (is_full && !is_granted) answer.full.push_back(limit);
        if (!part.tells_held) continue;
        GrantedBefore before;
        before.mailbox = reservation.limits[limit].mailbox;
        before.is_full = is_full;
        before.bytes = numbers.NextCount();
        before.copies = numbers.NextCount();
        before.age = numbers.NextTime();
        before.was_settled = numbers.NextCount() != 0;
        if (is_granted) granted.push_back(std::move(before));
    }
    return is_granted;
}

}  // namespace policyd::usage
