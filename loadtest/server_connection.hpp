#pragma once

#include <uv.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "common/async/endpoint.hpp"
#include "common/async/stream.hpp"
#include "common/async/task.hpp"

namespace policyd::loadtest {

/// The server gave no answer; the text is the reason, in a few words that are the same each time.
class NoAnswer : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// An endpoint whose host is an address: a name is looked up, which may block. Throws
/// std::runtime_error.
async::Endpoint Resolved(async::Endpoint endpoint);

/// A connection to the server under test, with one limit of time for each thing that it waits for.
///
/// Whoever owns it calls CheckTime() now and then: what takes longer than the limit fails then.
class ServerConnection {
public:
    using Clock = std::chrono::steady_clock;

    /// `server` has a numeric host, or a path.
    ServerConnection(uv_loop_t* loop, async::Endpoint server, Clock::duration time_limit);
    ~ServerConnection();
    ServerConnection(const ServerConnection&) = delete;
    ServerConnection& operator=(const ServerConnection&) = delete;

    bool IsOpen() const noexcept { return stream_ != nullptr; }
    /// Waits for room in the server's listen queue until the time is over. Throws NoAnswer.
    async::Task<> Open();
    /// Sends all of `bytes`, which outlive the task. Throws NoAnswer.
    async::Task<> Send(std::string_view bytes);
    /// The same, but a server that takes no more is none that said nothing: what it had to say may
    /// still be received.
    async::Task<> TrySend(std::string_view bytes);
    /// Waits until Received() has grown. Throws NoAnswer.
    async::Task<> Receive();
    /// What came and was not yet taken; the caller erases it.
    std::string& Received() noexcept { return stream_->Received(); }
    void Close() noexcept;

    /// The time for what is waited for runs from here.
    void StartTime() { waits_since_ = Clock::now(); }
    void StopTime() { waits_since_.reset(); }
    void CheckTime(Clock::time_point now);

private:
    class Connecting;

    /// Closes the connection. To be thrown: g++ 12 loses its way in a coroutine that calls a
    /// function marked [[noreturn]].
    NoAnswer Failure(const char* reason);

    uv_loop_t* loop_;
    const async::Endpoint server_;
    const Clock::duration time_limit_;
    std::optional<Clock::time_point> waits_since_;
    bool out_of_time_ = false;
    Connecting* connecting_ = nullptr;
    std::unique_ptr<async::Stream> stream_;
};

}  // namespace policyd::loadtest
