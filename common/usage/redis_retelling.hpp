#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.hpp"
#include "common/async/timer.hpp"
#include "common/redis/client.hpp"
#include "common/usage/recent_reservations.hpp"
#include "common/usage/redis_reservation_batch.hpp"

namespace policyd::usage {

/// Notes what is told to Redis over one connection, and tells it again when that was lost and has
/// come back: what a restart or a fail-over lost is there again then. Loop thread.
class RedisRetelling {
public:
    /// The client and the batch outlive it.
    RedisRetelling(uv_loop_t* loop, redis::Client& client, RedisReservationBatch& batch,
                   std::shared_ptr<RecentReservations> recent);
    ~RedisRetelling();

    void Reserved(const Reservation& reservation);
    void GivenBack(std::string_view id, std::span<const std::string> mailboxes, Unreserve what);

    /// The connection is of no use any more; Redis last answered at that moment.
    void Lost(std::chrono::milliseconds last_answered);
    /// It is of use again.
    void Start();

private:
    using Held = RecentReservations::Held;

    async::Task<void> TellAgain();
    async::Task<void> Tell(Held held);
    RedisReservationPart PartAgain(const Held& held) const;
    std::chrono::milliseconds Now() const;

    uv_loop_t* const loop_;
    redis::Client& client_;
    RedisReservationBatch& batch_;
    const std::shared_ptr<RecentReservations> recent_;
    const RecentReservations::Teller teller_;
    async::Timer later_;
    std::uint64_t losses_ = 0;
};

}  // namespace policyd::usage
