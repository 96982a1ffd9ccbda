#pragma once

#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "common/async/task.hpp"
#include "common/async/timer.hpp"

namespace policyd::async {

namespace detail {

/// A task, and whoever waits for its end or for the end of its time.
template <typename T>
struct Race {
    std::optional<T> result;
    std::exception_ptr failure;
    bool ended = false;
    std::coroutine_handle<> waiting;

    void Resume() {
        if (waiting) std::exchange(waiting, nullptr).resume();
    }
};

template <typename T>
class [[nodiscard]] EndOfRace {
public:
    explicit EndOfRace(Race<T>& race) noexcept : race_(race) {}
    bool await_ready() const noexcept { return race_.ended; }
    void await_suspend(std::coroutine_handle<> waiting) noexcept { race_.waiting = waiting; }
    void await_resume() const noexcept {}

private:
    Race<T>& race_;
};

template <typename T>
Task<void> RunInRace(Task<T> task, std::shared_ptr<Race<T>> race) {
    try {
        race->result.emplace(co_await task);
    } catch (...) {
        race->failure = std::current_exception();
    }
    race->ended = true;
    race->Resume();
}

}  // namespace detail

/// What `task` returns or throws, or nothing if it takes longer than `limit`. Then it goes on alone
/// and what it comes to is dropped: everything that it uses must belong to it. Loop thread.
template <typename T>
Task<std::optional<T>> Within(uv_loop_t* loop, std::chrono::milliseconds limit, Task<T> task) {
    const auto race = std::make_shared<detail::Race<T>>();
    Spawn(detail::RunInRace(std::move(task), race), [](std::exception_ptr) {});
    if (!race->ended) {
        Timer timer(loop, [&race] { race->Resume(); });
        uv_update_time(loop);  // which may not have turned for long
        timer.Start(limit);
        detail::EndOfRace<T> end(*race);
        co_await end;
    }
    if (race->failure) std::rethrow_exception(race->failure);
    co_return std::move(race->result);
}

}  // namespace policyd::async
