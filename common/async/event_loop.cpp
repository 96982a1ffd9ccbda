#include "common/async/event_loop.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "common/async/timer.hpp"

namespace policyd::async {

namespace {

/// Before libuv 1.51, one that fails leaves its epoll(7) descriptor open.
void InitLoop(uv_loop_t& loop) {
    constexpr unsigned kClosesIt = 1 << 16 | 51 << 8;
    loop.backend_fd = -1;
    const int status = uv_loop_init(&loop);
    if (status < 0 && loop.backend_fd >= 0 && uv_version() < kClosesIt) close(loop.backend_fd);
    ThrowIfFailed(status, "uv_loop_init");
}

}  // namespace

EventLoop::EventLoop() {
    // A peer that goes away while it is written to must not take the process with it.
    std::signal(SIGPIPE, SIG_IGN);
    InitLoop(loop_);
    try {
        posted_ = MakeHandle<uv_async_t>("uv_async_init", this, uv_async_init, &loop_, &OnPosted);
    } catch (...) {
        uv_loop_close(&loop_);
        throw;
    }
    // Being able to be posted to is no reason for Run() to go on.
    uv_unref(reinterpret_cast<uv_handle_t*>(posted_.get()));
}

EventLoop::~EventLoop() {
    Drain();
    posted_.reset();
    uv_run(&loop_, UV_RUN_NOWAIT);
    if (uv_loop_close(&loop_) == 0) return;
    std::fputs("event loop: closed while handles were still open:\n", stderr);
    uv_print_all_handles(&loop_, stderr);
    std::abort();
}

void EventLoop::Run() {
    uv_run(&loop_, UV_RUN_DEFAULT);
}

void EventLoop::RunOnce() {
    uv_run(&loop_, UV_RUN_ONCE);
}

void EventLoop::Stop() noexcept {
    uv_stop(&loop_);
}

std::chrono::milliseconds EventLoop::Now() const noexcept {
    return std::chrono::milliseconds(uv_now(&loop_));
}

void EventLoop::Post(std::function<void()> function) {
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(function));
    }
    uv_async_send(posted_.get());
}

void EventLoop::Drain() {
    do {
        uv_run(&loop_, UV_RUN_DEFAULT);
    } while (RunPosted() || uv_loop_alive(&loop_) != 0);
}

bool EventLoop::DrainWithin(std::chrono::milliseconds limit) {
    bool is_over = false;
    {
        Timer timer(&loop_, [this, &is_over] {
            is_over = true;
            Stop();
        });
        timer.KeepsLoopAlive(false);
        uv_update_time(&loop_);
        timer.Start(limit);
        do {
            uv_run(&loop_, UV_RUN_DEFAULT);
        } while ((RunPosted() || uv_loop_alive(&loop_) != 0) && !is_over);
    }
    if (!is_over) Drain();  // of the timer
    return !is_over;
}

void EventLoop::OnPosted(uv_async_t* posted) {
    static_cast<EventLoop*>(posted->data)->RunPosted();
}

bool EventLoop::RunPosted() {
    std::vector<std::function<void()>> functions;
    {
        const std::lock_guard lock(mutex_);
        functions.swap(waiting_);
    }
    for (const auto& function : functions) function();
    return !functions.empty();
}

}  // namespace policyd::async
