#pragma once

#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "common/async/task.hpp"
#include "common/async/wake_up.hpp"

namespace policyd::async {

namespace detail {

struct Gathering {
    std::size_t left = 0;
    std::exception_ptr failure;
    WakeUp all_ended;
};

inline Task<void> EndIn(Gathering& gathering, Task<void> task) {
    try {
        co_await task;
    } catch (...) {
        if (!gathering.failure) gathering.failure = std::current_exception();
    }
    if (--gathering.left == 0) gathering.all_ended.Set();
}

template <typename T>
Task<void> Keep(Task<T> task, std::optional<T>& kept) {
    T result = co_await task;
    kept.emplace(std::move(result));
}

inline Task<void> EndAll(std::vector<Task<void>> tasks) {
    Gathering gathering;
    gathering.left = tasks.size();
    for (Task<void>& task : tasks) Spawn(EndIn(gathering, std::move(task)));
    while (gathering.left > 0) co_await gathering.all_ended.Wait();
    if (gathering.failure) std::rethrow_exception(gathering.failure);
}

}  // namespace detail

/// Starts the tasks in their order and waits until the last has ended. Throws what escaped the
/// first that failed, after the others have ended too.
inline Task<void> WhenAll(std::vector<Task<void>> tasks) {
    if (tasks.size() == 1) return std::move(tasks.front());
    return detail::EndAll(std::move(tasks));
}

/// Likewise; their results, in the order of the tasks.
template <typename T>
Task<std::vector<T>> WhenAll(std::vector<Task<T>> tasks) {
    std::vector<std::optional<T>> kept(tasks.size());
    std::vector<Task<void>> keeping;
    keeping.reserve(tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i)
        keeping.push_back(detail::Keep(std::move(tasks[i]), kept[i]));
    co_await WhenAll(std::move(keeping));
    std::vector<T> results;
    results.reserve(kept.size());
    for (std::optional<T>& result : kept) results.push_back(std::move(*result));
    co_return results;
}

}  // namespace policyd::async
