#pragma once

#include <utility>

#include "common/async/task.hpp"
#include "common/async/wake_up.hpp"

namespace policyd::async {

/// Runs a task beside the one that makes this, which awaits End() before this is destroyed. Nothing
/// may escape the task. One loop thread.
class Beside {
public:
    explicit Beside(Task<> task) { Spawn(Run(std::move(task), *this)); }
    Beside(const Beside&) = delete;
    Beside& operator=(const Beside&) = delete;

    Task<> End() {
        while (!has_ended_) co_await ended_.Wait();
    }

private:
    static Task<> Run(Task<> task, Beside& self) {
        co_await task;
        self.has_ended_ = true;
        self.ended_.Set();
    }

    bool has_ended_ = false;
    WakeUp ended_;
};

}  // namespace policyd::async
