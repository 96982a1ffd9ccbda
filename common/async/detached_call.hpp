#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "common/async/event_loop.hpp"
#include "common/async/periodic.hpp"
#include "common/async/start_thread.hpp"
#include "common/async/wake_up.hpp"

namespace policyd::async {

/// Counts a thread that nobody joins, for as long as it lives. Any thread.
class DetachedThread {
public:
    DetachedThread() noexcept;
    ~DetachedThread();
    DetachedThread(const DetachedThread&) = delete;
    DetachedThread& operator=(const DetachedThread&) = delete;

    /// Whether one is still there: what a process does at its exit takes from it what it uses.
    static bool AnyIsLeft() noexcept;

    /// Counts what threads are still at work for when it cannot be waited for any longer, such as
    /// an event loop, and is left to them until the process ends.
    static void LeaveTo(std::shared_ptr<const void> work);
};

/// Runs a function on a thread of its own that whoever waits for it can leave behind: for what may
/// never return, such as reading a file from a server that is gone.
///
///     DetachedCall<Settings> call(loop, [path] { return LoadConfigFile(path); });
///     const std::optional<Settings> settings = co_await call.End();
///
/// Everything that the function uses must belong to it. The call itself is one loop thread's.
template <typename Result>
class DetachedCall {
public:
    /// Begins at once. Throws std::system_error where there can be no more threads.
    DetachedCall(EventLoop& loop, std::function<Result()> function)
        : loop_(loop.Raw()), state_(std::make_shared<State>()) {
        state_->loop = &loop;
        // Counted until all else of it is destroyed.
        StartThread([counted = std::make_shared<const DetachedThread>(), state = state_,
                     function = std::move(function)] {
            Run(state, function);
        }).detach();
    }
    ~DetachedCall() { LeaveBehind(); }
    DetachedCall(const DetachedCall&) = delete;
    DetachedCall& operator=(const DetachedCall&) = delete;

    /// What it returns, or throws; nothing where it was left behind. To be awaited once.
    Task<std::optional<Result>> End() {
        const std::shared_ptr<State> state = state_;  // who leaves it behind may destroy the call
        // A loop has to have something to wait for: that it can be posted to is nothing to it.
        Periodic keeps_running(loop_, std::chrono::hours(1), [] {});
        keeps_running.KeepLoopRunning();
        while (!state->has_ended && !state->is_left_behind) co_await state->wake_up.Wait();
        if (!state->has_ended) co_return std::nullopt;
        if (state->failure) std::rethrow_exception(state->failure);
        co_return std::move(state->result);
    }

    /// Whoever awaits End() goes on now.
    void LeaveBehind() {
        {
            const std::lock_guard lock(state_->mutex);
            state_->loop = nullptr;
        }
        state_->is_left_behind = true;
        state_->wake_up.Set();
    }

private:
    struct State {
        std::mutex mutex;
        EventLoop* loop = nullptr;  // guarded by mutex; null once nobody waits
        std::optional<Result> result;
        std::exception_ptr failure;
        // The loop thread's.
        bool has_ended = false;
        bool is_left_behind = false;
        WakeUp wake_up;
    };

    static void Run(const std::shared_ptr<State>& state, const std::function<Result()>& function) {
        try {
            state->result.emplace(function());
        } catch (...) {
            state->failure = std::current_exception();
        }
        const std::lock_guard lock(state->mutex);
        if (state->loop == nullptr) return;
        state->loop->Post([state] {
            state->has_ended = true;
            state->wake_up.Set();
        });
    }

    uv_loop_t* const loop_;
    const std::shared_ptr<State> state_;
};

}  // namespace policyd::async
