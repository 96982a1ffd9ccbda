#pragma once

#include <chrono>
#include <coroutine>

#include "common/async/timer.hpp"

namespace policyd::async {

/// `co_await Sleep(loop, 50ms)`: goes on that much later, on the loop thread.
class [[nodiscard]] Sleep {
public:
    Sleep(uv_loop_t* loop, std::chrono::milliseconds time)
        : timer_(loop, [this] { awaiting_.resume(); }), time_(time) {}

    bool await_ready() const noexcept { return false; }

    void await_suspend(std::coroutine_handle<> awaiting) {
        awaiting_ = awaiting;
        timer_.Start(time_);
    }

    void await_resume() const noexcept {}

private:
    Timer timer_;
    std::chrono::milliseconds time_;
    std::coroutine_handle<> awaiting_;
};

}  // namespace policyd::async
