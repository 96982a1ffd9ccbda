#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/redis/client.hpp"
#include "common/usage/packed_numbers.hpp"
#include "common/usage/recent_reservations.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// The usage store in Redis, shared by the servers and scanners of a site. Every change of one
/// domain is one script, which Redis carries out as a whole. docs/usage-store.md says what is kept.
///
/// After every loss of the connection it tells Redis again what it reserved in the last half
/// minute, so that what a restart or a fail-over lost is there again.
class RedisUsageStore final : public UsageStore {
public:
    struct Options {
        redis::ClientSettings server;
        /// The store's time; empty: the clock of the Redis server.
        text::WallClock clock{};
        std::chrono::milliseconds reservation_life = kReservationLife;
        /// A mailbox with more reservations than this keeps sums of them.
        std::uint64_t most_single_reservations = 512;
    };

    RedisUsageStore(uv_loop_t* loop, Options options);
    ~RedisUsageStore() override;

    async::Task<text::WallTime> Now() override;
    async::Task<std::optional<Usage>> Find(std::string_view mailbox) override;
    async::Task<std::optional<Usage>> FindDomain(std::string_view domain) override;
    async::Task<Reserved> Reserve(const Reservation& reservation) override;
    async::Task<void> Release(std::string_view id, std::span<const std::string> mailboxes) override;
    async::Task<void> Commit(std::span<const Measurement> measurements,
                             std::chrono::milliseconds grace) override;
    async::Task<void> Remove(std::span<const std::string> mailboxes) override;
    async::Task<std::vector<std::string>> MeasuredMailboxes() override;

private:
    using Held = RecentReservations::Held;
    struct DomainPart;
    struct Granted;

    PackedNumbers Header() const;
    redis::ScriptCall CallOf(std::size_t script, std::string domain_key) const;
    redis::ScriptCall ReserveCall(const Reservation& reservation, const DomainPart& part) const;
    /// A call that makes it hold, as of `age` ago, whether there is room or not.
    redis::ScriptCall HoldCall(const Held& held, std::chrono::milliseconds age) const;
    async::Task<void> TakeBack(std::string_view id, std::vector<Granted> granted);
    async::Task<void> EvaluateInTurn(std::vector<redis::ScriptCall> calls);
    async::Task<void> TellAgain();
    void Remember(const Reservation& reservation);
    std::chrono::milliseconds MonotonicNow() const;

    uv_loop_t* const loop_;
    const text::WallClock clock_;
    const std::chrono::milliseconds reservation_life_;
    const std::uint64_t most_single_reservations_;
    RecentReservations recent_;
    redis::Client redis_;
};

}  // namespace policyd::usage
