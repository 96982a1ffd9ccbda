#pragma once

#include <chrono>
#include <coroutine>

#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// `co_await Sleep(loop, 50ms)`: goes on that much later, on the loop thread.
class [[nodiscard]] Sleep {
public:
    Sleep(uv_loop_t* loop, std::chrono::milliseconds time)
        : timer_(MakeHandle<uv_timer_t>("uv_timer_init", this, uv_timer_init, loop)), time_(time) {}
    Sleep(const Sleep&) = delete;
    Sleep& operator=(const Sleep&) = delete;

    bool await_ready() const noexcept { return false; }

    void await_suspend(std::coroutine_handle<> awaiting) {
        awaiting_ = awaiting;
        timer_->data = this;
        uv_timer_start(
            timer_.get(),
            [](uv_timer_t* timer) { static_cast<Sleep*>(timer->data)->awaiting_.resume(); },
            static_cast<std::uint64_t>(time_.count()), 0);
    }

    void await_resume() const noexcept {}

private:
    UvHandle<uv_timer_t> timer_;
    std::chrono::milliseconds time_;
    std::coroutine_handle<> awaiting_;
};

}  // namespace policyd::async
