#pragma once

#include <uv.h>

#include <chrono>
#include <functional>

#include "common/async/uv_handle.hpp"

namespace policyd::loadtest {

/// Calls a function at a point of time, to the microsecond: libuv's own timers count milliseconds,
/// which is as long as many answers take. Loop thread. Keeps the loop running as long as it exists.
class PreciseTimer {
public:
    PreciseTimer(uv_loop_t* loop, std::function<void()> function);
    ~PreciseTimer();
    PreciseTimer(const PreciseTimer&) = delete;
    PreciseTimer& operator=(const PreciseTimer&) = delete;

    /// Replaces an earlier time. One that has passed is as good as now.
    void Set(std::chrono::steady_clock::time_point time);

private:
    static void OnTime(uv_poll_t* poll, int status, int events);

    std::function<void()> function_;
    int timer_;
    async::UvHandle<uv_poll_t> poll_;
};

}  // namespace policyd::loadtest
