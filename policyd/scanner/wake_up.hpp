#pragma once

#include <coroutine>
#include <utility>

namespace policyd::scanner {

/// Lets one coroutine wait for what others on the same loop thread announce. An announcement that
/// nobody waits for is kept for the next Wait(); several are one.
class WakeUp {
public:
    void Set() {
        if (waiting_) {
            std::exchange(waiting_, nullptr).resume();
        } else {
            is_set_ = true;
        }
    }

    class [[nodiscard]] Waiting {
    public:
        explicit Waiting(WakeUp& wake_up) : wake_up_(wake_up) {}
        bool await_ready() const noexcept { return std::exchange(wake_up_.is_set_, false); }
        void await_suspend(std::coroutine_handle<> waiting) const noexcept {
            wake_up_.waiting_ = waiting;
        }
        void await_resume() const noexcept {}

    private:
        WakeUp& wake_up_;
    };

    Waiting Wait() { return Waiting(*this); }

private:
    bool is_set_ = false;
    std::coroutine_handle<> waiting_;
};

}  // namespace policyd::scanner
