#pragma once

#include <chrono>
#include <functional>

#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// Calls a function again and again, first after one period, until it is destroyed. Does not keep
/// the loop running by itself. Loop thread.
class Periodic {
public:
    Periodic(uv_loop_t* loop, std::chrono::milliseconds period, std::function<void()> function)
        : function_(std::move(function)),
          timer_(MakeHandle<uv_timer_t>("uv_timer_init", this, uv_timer_init, loop)) {
        const auto every = static_cast<std::uint64_t>(period.count());
        uv_timer_start(
            timer_.get(),
            [](uv_timer_t* timer) { static_cast<Periodic*>(timer->data)->function_(); }, every,
            every);
        uv_unref(reinterpret_cast<uv_handle_t*>(timer_.get()));
    }
    /// From now on it does.
    void KeepLoopRunning() { uv_ref(reinterpret_cast<uv_handle_t*>(timer_.get())); }
    Periodic(const Periodic&) = delete;
    Periodic& operator=(const Periodic&) = delete;

private:
    std::function<void()> function_;
    UvHandle<uv_timer_t> timer_;
};

}  // namespace policyd::async
