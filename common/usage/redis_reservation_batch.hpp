#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <vector>

#include "common/async/task.hpp"
#include "common/async/uv_handle.hpp"
#include "common/redis/client.hpp"
#include "common/usage/packed_numbers.hpp"
#include "common/usage/redis_reservations.hpp"

namespace policyd::usage {

/// Makes of what is to be reserved and given back in one turn of the loop one call of
/// kReservationsScript, or several where that would keep Redis for long: most of what a call costs
/// it costs whatever is in it. Owned by one loop thread; everybody who waits goes on before it is
/// destroyed.
class RedisReservationBatch {
public:
    class Joining;

    /// The client outlives it; `header` gives what the script's arguments begin with.
    RedisReservationBatch(uv_loop_t* loop, redis::Client& client,
                          std::function<PackedNumbers()> header);

    /// `co_await batch.Evaluate(part)`: the script's answer to it. Throws as the client does, also
    /// for an error of this part alone.
    Joining Evaluate(const RedisReservationPart& part);
    /// All of them, in their order. Throws likewise, after all have been tried.
    async::Task<void> EvaluateAll(std::vector<RedisReservationPart> parts);

    /// Sends what has come so far, and so before whatever is sent next.
    void Flush();

private:
    async::Task<void> EvaluateOne(const RedisReservationPart& part);
    void Join(Joining& joining, const RedisReservationPart& part);
    async::Task<void> Send(redis::ScriptCall call, std::vector<Joining*> joined);

    redis::Client& client_;
    const std::function<PackedNumbers()> header_;
    /// Runs when the loop turns to what it does next.
    async::UvHandle<uv_idle_t> next_turn_;
    redis::ScriptCall call_;
    std::vector<Joining*> joined_;
};

class [[nodiscard]] RedisReservationBatch::Joining {
public:
    Joining(RedisReservationBatch& batch, const RedisReservationPart& part)
        : batch_(batch), part_(part) {}
    Joining(const Joining&) = delete;
    Joining& operator=(const Joining&) = delete;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> joining) {
        joining_ = joining;
        batch_.Join(*this, part_);
    }
    redis::Reply await_resume() {
        if (failure_) std::rethrow_exception(failure_);
        return batch_.client_.Checked(std::move(reply_));
    }

private:
    friend class RedisReservationBatch;

    RedisReservationBatch& batch_;
    const RedisReservationPart& part_;
    std::coroutine_handle<> joining_;
    redis::Reply reply_;
    std::exception_ptr failure_;
};

}  // namespace policyd::usage
