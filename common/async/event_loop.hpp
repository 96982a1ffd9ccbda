#pragma once

#include <uv.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <vector>

#include "common/async/task.hpp"
#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// One libuv loop and the thread that runs it. Everything but Post() belongs to that thread.
class EventLoop {
public:
    using Time = std::chrono::steady_clock::time_point;

    EventLoop();
    /// Waits for what threads still work at although nobody waits for its answer, closes what the
    /// loop itself owns and runs the last close callbacks. Whoever owns handles on the loop has let
    /// go of them before: a handle that is left is a bug, and ends the process.
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    uv_loop_t* Raw() noexcept { return &loop_; }

    /// Until Stop(), or until nothing is left to wait for.
    void Run();
    /// One turn: waits for the first thing to happen and handles what did.
    void RunOnce();
    void Stop() noexcept;

    /// Monotonic, in steps of a millisecond, as of the beginning of this turn of the loop.
    std::chrono::milliseconds Now() const noexcept;

    /// Runs `function` on the loop thread, soon. The one call that any thread may make.
    void Post(std::function<void()> function);

    /// Runs until nothing is left to wait for and nothing is posted: the end of an orderly stop.
    void Drain();
    /// The same, but for no longer than that: false where something is left then, for which this
    /// loop has to stay.
    bool DrainWithin(std::chrono::milliseconds limit);

    /// Runs the loop until `task` has ended and returns its result or throws what escaped it.
    /// For programs and tests that do one thing; not to be called from within the loop.
    template <typename T>
    T RunUntilDone(Task<T> task);

private:
    static void OnPosted(uv_async_t* posted);
    bool RunPosted();

    uv_loop_t loop_{};
    UvHandle<uv_async_t> posted_;
    std::mutex mutex_;
    std::vector<std::function<void()>> waiting_;  // guarded by mutex_
};

template <typename T>
T EventLoop::RunUntilDone(Task<T> task) {
    std::exception_ptr failure;
    bool done = false;
    const auto fail = [&](std::exception_ptr thrown) {
        failure = thrown;
        done = true;
    };
    if constexpr (std::is_void_v<T>) {
        const auto finish = [](Task<void> inner, bool& ended) -> Task<void> {
            co_await inner;
            ended = true;
        };
        Spawn(finish(std::move(task), done), fail);
        while (!done) RunOnce();
        if (failure) std::rethrow_exception(failure);
    } else {
        std::optional<T> result;
        const auto keep = [](Task<T> inner, std::optional<T>& out, bool& ended) -> Task<void> {
            out.emplace(co_await inner);
            ended = true;
        };
        Spawn(keep(std::move(task), result, done), fail);
        while (!done) RunOnce();
        if (failure) std::rethrow_exception(failure);
        return std::move(*result);
    }
}

}  // namespace policyd::async
