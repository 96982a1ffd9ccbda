#pragma once

#include <coroutine>
#include <utility>
#include <vector>

namespace policyd::async {

/// Lets coroutines wait for what others on the same loop thread announce, which wakes all of them.
/// An announcement that nobody waits for is kept for the next Wait(); several are one. Who wakes
/// looks whether what he waits for is so.
class WakeUp {
public:
    void Set() {
        if (waiting_.empty()) is_set_ = true;
        for (const std::coroutine_handle<> waiting : std::exchange(waiting_, {})) waiting.resume();
    }

    class [[nodiscard]] Waiting {
    public:
        explicit Waiting(WakeUp& wake_up) : wake_up_(wake_up) {}
        bool await_ready() const noexcept { return std::exchange(wake_up_.is_set_, false); }
        void await_suspend(std::coroutine_handle<> waiting) const {
            wake_up_.waiting_.push_back(waiting);
        }
        void await_resume() const noexcept {}

    private:
        WakeUp& wake_up_;
    };

    Waiting Wait() { return Waiting(*this); }

private:
    bool is_set_ = false;
    std::vector<std::coroutine_handle<>> waiting_;
};

}  // namespace policyd::async
