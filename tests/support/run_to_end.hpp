#pragma once

#include <exception>
#include <optional>
#include <stdexcept>

#include "common/async/task.hpp"

namespace policyd::test {

/// Runs a task whose awaits all finish at once, as they do with in-memory fakes.
template <typename T>
T RunToEnd(async::Task<T> task) {
    std::optional<T> result;
    std::exception_ptr failure;
    const auto keep = [](async::Task<T> inner, std::optional<T>& out) -> async::Task<void> {
        out.emplace(co_await inner);
    };
    async::Spawn(keep(std::move(task), result),
                 [&failure](std::exception_ptr thrown) { failure = thrown; });
    if (failure) std::rethrow_exception(failure);
    if (!result) throw std::logic_error("the task is still waiting for something");
    return std::move(*result);
}

inline async::Task<bool> TrueAfter(async::Task<void> task) {
    co_await std::move(task);
    co_return true;
}

inline void RunToEnd(async::Task<void> task) {
    RunToEnd(TrueAfter(std::move(task)));
}

}  // namespace policyd::test
