#include "common/usage/redis_reservation_batch.hpp"

#include <utility>

#include "common/async/when_all.hpp"
#include "common/outage/unavailable.hpp"
#include "common/usage/redis_scripts.hpp"

namespace policyd::usage {

namespace {

// What one script holds up others for: reservations, and keys of mailboxes and of their domains.
// One reservation alone may have more of them: it is one step.
constexpr std::size_t kMostInOneCall = 32;
constexpr std::size_t kMostKeysInOneCall = 200;

}  // namespace

RedisReservationBatch::RedisReservationBatch(uv_loop_t* loop, redis::Client& client,
                                             std::function<PackedNumbers()> header)
    : client_(client),
      header_(std::move(header)),
      next_turn_(async::MakeHandle<uv_idle_t>("uv_idle_init", this, uv_idle_init, loop)) {}

RedisReservationBatch::Joining RedisReservationBatch::Evaluate(const RedisReservationPart& part) {
    return {*this, part};
}

async::Task<void> RedisReservationBatch::EvaluateAll(std::vector<RedisReservationPart> parts) {
    std::vector<async::Task<void>> tasks;
    for (const RedisReservationPart& part : parts) tasks.push_back(EvaluateOne(part));
    co_await async::WhenAll(std::move(tasks));
}

async::Task<void> RedisReservationBatch::EvaluateOne(const RedisReservationPart& part) {
    co_await Evaluate(part);
}

void RedisReservationBatch::Join(Joining& joining, const RedisReservationPart& part) {
    if (call_.keys.Count() + part.keys.Count() > kMostKeysInOneCall) Flush();
    if (joined_.empty()) {
        call_.script = kReservationsScript;
        call_.arguments.Append(header_().Bytes());
        uv_idle_start(next_turn_.get(), [](uv_idle_t* idle) {
            static_cast<RedisReservationBatch*>(idle->data)->Flush();
        });
    }
    call_.keys.Append(part.keys);
    call_.arguments.Append(part.arguments);
    joined_.push_back(&joining);
    if (joined_.size() == kMostInOneCall) Flush();
}

void RedisReservationBatch::Flush() {
    if (joined_.empty()) return;
    uv_idle_stop(next_turn_.get());
    async::Spawn(Send(std::exchange(call_, {}), std::exchange(joined_, {})));
}

async::Task<void> RedisReservationBatch::Send(redis::ScriptCall call,
                                              std::vector<Joining*> joined) {
    redis::Reply reply;
    std::exception_ptr failure;
    try {
        reply = co_await client_.Evaluate(std::move(call));
        if (reply.elements.size() != joined.size()) redis::RefuseNonsense();
    } catch (...) {
        failure = std::current_exception();
    }
    for (std::size_t i = 0; i < joined.size(); ++i) {
        if (failure) {
            joined[i]->failure_ = failure;
        } else {
            joined[i]->reply_ = std::move(reply.elements[i]);
        }
        joined[i]->joining_.resume();
    }
}

}  // namespace policyd::usage
