#include "common/async/stream.hpp"

#include <array>
#include <utility>

namespace policyd::async {

namespace {

/// Lent to libuv for the time of one read, and emptied before the next: one for each thread.
thread_local std::array<char, 16 * 1024> read_buffer;

}  // namespace

Stream::Stream(UvHandle<uv_any_handle> socket, std::size_t most_buffered)
    : socket_(std::move(socket)), loop_(socket_->handle.loop), most_buffered_(most_buffered) {
    Socket()->data = this;
    ThrowIfFailed(uv_read_start(Socket(), &LendBuffer, &OnRead), "uv_read_start");
}

bool Stream::Writing::await_ready() noexcept {
    if (stream_.IsAborted()) return true;
    const uv_buf_t buffer =
        uv_buf_init(const_cast<char*>(bytes_.data()), static_cast<unsigned>(bytes_.size()));
    const int written = uv_try_write(stream_.Socket(), &buffer, 1);
    if (written < 0 && written != UV_EAGAIN) return true;
    if (written > 0) bytes_.remove_prefix(static_cast<std::size_t>(written));
    sent_ = bytes_.empty();
    return sent_;
}

bool Stream::Writing::await_suspend(std::coroutine_handle<> writer) noexcept {
    writer_ = writer;
    request_.data = this;
    const uv_buf_t buffer =
        uv_buf_init(const_cast<char*>(bytes_.data()), static_cast<unsigned>(bytes_.size()));
    const int status =
        uv_write(&request_, stream_.Socket(), &buffer, 1, [](uv_write_t* request, int result) {
            auto& writing = *static_cast<Writing*>(request->data);
            writing.sent_ = result == 0;
            writing.writer_.resume();
        });
    return status == 0;
}

void Stream::Abort() noexcept {
    socket_.reset();
    peer_is_gone_ = true;
    if (reader_) std::exchange(reader_, nullptr).resume();
}

void Stream::LendBuffer(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
    *buffer = uv_buf_init(read_buffer.data(), read_buffer.size());
}

void Stream::OnRead(uv_stream_t* socket, ssize_t size, const uv_buf_t* buffer) {
    auto& stream = *static_cast<Stream*>(socket->data);
    if (size == 0) return;
    if (size > 0) {
        stream.received_.append(buffer->base, static_cast<std::size_t>(size));
    } else {
        stream.peer_is_gone_ = true;
    }
    if (size < 0 || stream.received_.size() >= stream.most_buffered_) {
        uv_read_stop(socket);
        stream.paused_ = true;
    }
    if (stream.reader_) std::exchange(stream.reader_, nullptr).resume();
}

void Stream::GoOnReading() {
    if (!paused_) return;
    paused_ = false;
    ThrowIfFailed(uv_read_start(Socket(), &LendBuffer, &OnRead), "uv_read_start");
}

}  // namespace policyd::async
