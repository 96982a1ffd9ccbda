#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "common/async/endpoint.hpp"
#include "common/async/timer.hpp"
#include "common/redis/reply.hpp"

struct redisAsyncContext;

namespace policyd::redis {

class SocketWatch;

/// Who waits for the answer to one command. Lives until one of the two was called, which happens
/// exactly once and may end it.
class AnswerTaker {
public:
    virtual void OnReply(Reply reply) = 0;
    virtual void OnFailure(const std::string& reason) = 0;

protected:
    ~AnswerTaker() = default;
};

/// One connection to one Redis server, from its opening to its end; there is no second life.
///
/// Commands that are sent while it is being established leave when it is. One that is not answered
/// in time ends the connection, as the answers behind it would be late as well; then, as when the
/// server closes it, every command in flight fails. Owned by one loop thread.
class Connection {
public:
    using OnEnd = std::function<void(const std::string& reason)>;

    /// The host of `endpoint` is a numeric address. `limit` is for each answer, or up to a tenth
    /// more. `on_end` is called once, never from within the constructor or the destructor; this
    /// object may be destroyed then.
    Connection(uv_loop_t* loop, const async::Endpoint& endpoint, std::chrono::milliseconds limit,
               OnEnd on_end);
    /// Commands in flight fail.
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    /// In `on_end`: how many failed with the connection.
    std::size_t InFlight() const noexcept { return sent_at_.size(); }
    /// The loop's time when the server was last heard of.
    std::chrono::milliseconds LastAnswered() const noexcept { return last_answered_; }

    /// False when the connection has ended: `taker` will hear nothing.
    bool Send(std::string_view command, AnswerTaker& taker);

    /// Ends the connection; on_end follows.
    void Drop(const std::string& reason);

private:
    void Open(uv_loop_t* loop, const async::Endpoint& endpoint);
    void SetSocketOptions(std::chrono::milliseconds limit) const;
    void CheckOldest();
    void EndSoon();
    void Ended();

    static void OnReply(redisAsyncContext* context, void* reply, void* taker);
    static void OnConnect(const redisAsyncContext* context, int status);
    static void OnDisconnect(const redisAsyncContext* context, int status);

    uv_loop_t* const loop_;
    const std::chrono::milliseconds limit_;
    const OnEnd on_end_;
    redisAsyncContext* context_ = nullptr;  // belongs to hiredis
    SocketWatch* watch_ = nullptr;          // belongs to context_
    std::string end_reason_;
    /// Of the time limit, as the loop has lived through them while it waited for an answer.
    std::uint64_t parts_passed_ = 0;
    std::deque<std::uint64_t> sent_at_;  // in parts passed, oldest command first
    std::chrono::milliseconds last_answered_{0};
    async::Timer watchdog_;
    async::Timer farewell_;
};

}  // namespace policyd::redis
