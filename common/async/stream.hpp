#pragma once

#include <uv.h>

#include <coroutine>
#include <string>
#include <string_view>

#include "common/async/task.hpp"
#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// A connected TCP or UNIX stream socket. One coroutine uses it; it lives on its loop's thread.
///
/// It reads continuously into Received(), up to a bound, and writes at once what the kernel takes.
/// Abort() may be called at any time, by anyone on the loop: waiting ends, and so does the
/// connection.
class Stream {
public:
    class Reading;
    class Writing;

    /// Takes an accepted or connected uv_tcp_t or uv_pipe_t and starts reading. At most
    /// `most_buffered` bytes, and what one more read brings, wait in Received(); a peer that sends
    /// more has to wait.
    Stream(UvHandle<uv_any_handle> socket, std::size_t most_buffered);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// What was received and not yet taken: the caller erases, or moves away, what it has used.
    std::string& Received() noexcept { return received_; }

    /// `co_await stream.Read()`: waits until Received() has grown. False once nothing more will
    /// come: the peer has closed its side, or the connection broke or was aborted.
    Reading Read() noexcept;

    /// `co_await stream.Write(bytes)`: sends all of them, which stay where they are meanwhile.
    /// False if the connection is gone. One Write at a time.
    Writing Write(std::string_view bytes) noexcept;

    uv_loop_t* Loop() const noexcept { return loop_; }

    void Abort() noexcept;
    bool IsAborted() const noexcept { return socket_ == nullptr; }

private:
    uv_stream_t* Socket() noexcept { return reinterpret_cast<uv_stream_t*>(socket_.get()); }
    static void LendBuffer(uv_handle_t* socket, std::size_t suggested, uv_buf_t* buffer);
    static void OnRead(uv_stream_t* socket, ssize_t size, const uv_buf_t* buffer);
    void GoOnReading();

    UvHandle<uv_any_handle> socket_;
    uv_loop_t* const loop_;
    const std::size_t most_buffered_;
    std::string received_;
    bool peer_is_gone_ = false;
    bool paused_ = false;
    std::coroutine_handle<> reader_;
};

class [[nodiscard]] Stream::Reading {
public:
    explicit Reading(Stream& stream) noexcept : stream_(stream), seen_(stream.received_.size()) {}

    bool await_ready() const noexcept { return stream_.peer_is_gone_; }
    void await_suspend(std::coroutine_handle<> reader) const {
        stream_.GoOnReading();
        stream_.reader_ = reader;
    }
    bool await_resume() const noexcept { return stream_.received_.size() > seen_; }

private:
    Stream& stream_;
    const std::size_t seen_;
};

/// Waits only for what the kernel does not take at once.
class [[nodiscard]] Stream::Writing {
public:
    Writing(Stream& stream, std::string_view bytes) noexcept : stream_(stream), bytes_(bytes) {}
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

    bool await_ready() noexcept;
    bool await_suspend(std::coroutine_handle<> writer) noexcept;
    bool await_resume() const noexcept { return sent_; }

private:
    Stream& stream_;
    std::string_view bytes_;
    bool sent_ = false;
    uv_write_t request_;
    std::coroutine_handle<> writer_;
};

inline Stream::Writing Stream::Write(std::string_view bytes) noexcept {
    return Writing(*this, bytes);
}

inline Stream::Reading Stream::Read() noexcept {
    return Reading(*this);
}

}  // namespace policyd::async
