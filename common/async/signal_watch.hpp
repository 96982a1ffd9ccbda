#pragma once

#include <functional>
#include <utility>

#include "common/async/event_loop.hpp"
#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// Calls a function on the loop whenever the signal comes, for as long as this exists. Loop thread.
class SignalWatch {
public:
    /// Throws UvError.
    SignalWatch(EventLoop& loop, int signal, std::function<void()> function)
        : function_(std::move(function)),
          watch_(MakeHandle<uv_signal_t>("uv_signal_init", this, uv_signal_init, loop.Raw())) {
        const auto call = [](uv_signal_t* watch, int) {
            static_cast<SignalWatch*>(watch->data)->function_();
        };
        ThrowIfFailed(uv_signal_start(watch_.get(), call, signal), "uv_signal_start");
    }
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    /// The loop may end although the signal could still come.
    void LetLoopEnd() { uv_unref(reinterpret_cast<uv_handle_t*>(watch_.get())); }

private:
    const std::function<void()> function_;
    UvHandle<uv_signal_t> watch_;
};

}  // namespace policyd::async
