#include "loadtest/precise_timer.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace policyd::loadtest {

namespace {

int OpenTimer() {
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
    return timer;
}

}  // namespace

PreciseTimer::PreciseTimer(uv_loop_t* loop, std::function<void()> function)
    : function_(std::move(function)),
      timer_(OpenTimer()),
      poll_(async::MakeHandle<uv_poll_t>("uv_poll_init", this, uv_poll_init, loop, timer_)) {
    async::ThrowIfFailed(uv_poll_start(poll_.get(), UV_READABLE, &OnTime), "uv_poll_start");
}

PreciseTimer::~PreciseTimer() {
    uv_poll_stop(poll_.get());
    poll_.reset();
    close(timer_);
}

void PreciseTimer::Set(std::chrono::steady_clock::time_point time) {
    // On Linux the steady clock is CLOCK_MONOTONIC. A value of zero would stop the timer.
    const std::int64_t at =
        std::max<std::int64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count(), 1);
    itimerspec setting{};
    setting.it_value.tv_sec = at / 1'000'000'000;
    setting.it_value.tv_nsec = at % 1'000'000'000;
    timerfd_settime(timer_, TFD_TIMER_ABSTIME, &setting, nullptr);
}

void PreciseTimer::OnTime(uv_poll_t* poll, int, int) {
    auto& timer = *static_cast<PreciseTimer*>(poll->data);
    std::uint64_t expirations = 0;
    if (read(timer.timer_, &expirations, sizeof expirations) == sizeof expirations)
        timer.function_();
}

}  // namespace policyd::loadtest
