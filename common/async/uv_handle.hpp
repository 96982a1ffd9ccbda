#pragma once

#include <uv.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace policyd::async {

/// A libuv call failed.
class UvError : public std::runtime_error {
public:
    /// `code` is a UV_E… value.
    UvError(const std::string& operation, int code)
        : std::runtime_error(operation + ": " + uv_strerror(code)), code_(code) {}

    int Code() const noexcept { return code_; }

private:
    int code_;
};

inline void ThrowIfFailed(int status, const char* operation) {
    if (status < 0) throw UvError(operation, status);
}

/// libuv uses a handle until its close callback has run, so its memory is freed there.
struct CloseHandle {
    template <typename Handle>
    void operator()(Handle* handle) const noexcept {
        uv_close(reinterpret_cast<uv_handle_t*>(handle),
                 [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
    }
};

/// Owns an initialized uv_timer_t, uv_async_t, uv_idle_t, uv_poll_t, uv_tcp_t, uv_pipe_t,
/// uv_signal_t or, for a socket of either kind, uv_any_handle.
/// Destroyed on the loop thread; the loop must turn once more before it can be closed.
template <typename Handle>
using UvHandle = std::unique_ptr<Handle, CloseHandle>;

/// `auto timer = MakeHandle<uv_timer_t>("uv_timer_init", owner, uv_timer_init, loop);`
/// Only a handle whose init succeeded may be passed to uv_close(), hence the plain unique_ptr
/// first.
template <typename Handle, typename Init, typename... Args>
UvHandle<Handle> MakeHandle(const char* operation, void* owner, Init init, uv_loop_t* loop,
                            Args... args) {
    auto handle = std::make_unique<Handle>();
    ThrowIfFailed(init(loop, handle.get(), args...), operation);
    handle->data = owner;
    return UvHandle<Handle>(handle.release());
}

}  // namespace policyd::async
