#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/redis/request.hpp"
#include "common/usage/recent_reservations.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// What kReservationsScript takes of one reservation in one domain.
struct RedisReservationPart {
    redis::Words keys;
    redis::Words arguments;
};

/// What a reservation is to one of its domains; refers to it.
struct ReservationInDomain {
    std::string_view domain;
    std::string domain_key{};
    std::vector<std::size_t> limits{};          ///< of Reservation::limits
    std::optional<std::size_t> domain_limit{};  ///< of Reservation::domain_limits
    /// What it held before may have to be restored, since another domain may refuse.
    bool tells_held = false;
};

/// A mailbox in which a message was granted room, and what it had held there before.
struct GrantedBefore {
    std::string mailbox;
    bool is_full = false;  ///< there was none: it was granted for the sake of another
    std::uint64_t bytes = 0;
    std::uint64_t copies = 0;
    std::chrono::milliseconds age{0};  ///< negative where the clock was set back a little since
    bool was_settled = false;
};

/// What becomes of a reservation, as the script has it.
enum class Settling : std::size_t { kNo, kYes, kNoMore };

/// In an order that all share, so that of two messages for the same domains one is the first.
std::vector<ReservationInDomain> InItsDomains(const Reservation& reservation);

RedisReservationPart ReservePart(const Reservation& reservation, const ReservationInDomain& part,
                                 Needs needs);
/// Makes it hold, as of `age` ago, whether there is room or not.
RedisReservationPart HoldPart(const RecentReservations::Held& held, std::chrono::milliseconds age,
                              Settling settling);
/// Gives back what is held since before `age` ago; `mailboxes`, at least one, are of one domain.
RedisReservationPart ReleasePart(std::string_view id, std::span<const std::string> mailboxes,
                                 Unreserve what, std::chrono::milliseconds age = {});

/// Takes down what Redis says of one domain; whether it reserved there. `granted` gets what is to
/// be taken back if another domain refuses.
bool TakeAnswer(const Reservation& reservation, const ReservationInDomain& part,
                std::string_view reply, Reserved& answer, std::vector<GrantedBefore>& granted);

}  // namespace policyd::usage
