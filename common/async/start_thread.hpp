#pragma once

#include <system_error>
#include <thread>
#include <utility>

namespace policyd::async {

/// A thread that runs `function`. Throws std::system_error, which says what failed, where there can
/// be no more threads (TasksMax in systemd.resource-control(5), RLIMIT_NPROC in getrlimit(2)).
template <typename Function>
std::thread StartThread(Function function) {
    try {
        return std::thread(std::move(function));
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(), "a thread cannot be started");
    }
}

}  // namespace policyd::async
