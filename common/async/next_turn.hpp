#pragma once

#include <coroutine>

#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// `co_await NextTurn(loop)`: goes on in the next turn of the loop, when all others whose time it
/// is have had theirs. (A Sleep() of no time does not: timers that are due run until none is.)
class [[nodiscard]] NextTurn {
public:
    explicit NextTurn(uv_loop_t* loop)
        : idle_(MakeHandle<uv_idle_t>("uv_idle_init", this, uv_idle_init, loop)) {}
    NextTurn(const NextTurn&) = delete;
    NextTurn& operator=(const NextTurn&) = delete;

    bool await_ready() const noexcept { return false; }

    void await_suspend(std::coroutine_handle<> awaiting) {
        awaiting_ = awaiting;
        idle_->data = this;
        uv_idle_start(idle_.get(), [](uv_idle_t* idle) {
            uv_idle_stop(idle);
            static_cast<NextTurn*>(idle->data)->awaiting_.resume();
        });
    }

    void await_resume() const noexcept {}

private:
    UvHandle<uv_idle_t> idle_;
    std::coroutine_handle<> awaiting_;
};

}  // namespace policyd::async
