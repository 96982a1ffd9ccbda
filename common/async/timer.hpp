#pragma once

#include <chrono>
#include <functional>
#include <utility>

#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// Calls a function once, some time after Start(), which may destroy this. Loop thread.
class Timer {
public:
    /// Throws UvError.
    Timer(uv_loop_t* loop, std::function<void()> function)
        : function_(std::move(function)),
          timer_(MakeHandle<uv_timer_t>("uv_timer_init", this, uv_timer_init, loop)) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// Begins anew if it runs. The time counts from the beginning of this turn of the loop. One of
    /// 0 that a timer's function starts is over in the same turn (NextTurn is the other thing).
    void Start(std::chrono::milliseconds time) {
        const auto call = [](uv_timer_t* timer) { static_cast<Timer*>(timer->data)->function_(); };
        uv_timer_start(timer_.get(), call, static_cast<std::uint64_t>(time.count()), 0);
    }

    void Stop() { uv_timer_stop(timer_.get()); }

    bool IsRunning() const {
        return uv_is_active(reinterpret_cast<const uv_handle_t*>(timer_.get())) != 0;
    }

    /// Whether the loop goes on as long as this runs: it does, if nothing is said.
    void KeepsLoopAlive(bool keeps) {
        auto* const handle = reinterpret_cast<uv_handle_t*>(timer_.get());
        if (keeps) {
            uv_ref(handle);
        } else {
            uv_unref(handle);
        }
    }

private:
    const std::function<void()> function_;
    UvHandle<uv_timer_t> timer_;
};

}  // namespace policyd::async
