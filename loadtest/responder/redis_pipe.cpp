#include "loadtest/responder/redis_pipe.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

namespace policyd::loadtest {

namespace {

constexpr std::string_view kGet = "*2\r\n$3\r\nGET\r\n$17\r\npolicyd-responder\r\n";

std::array<char, 64 * 1024> read_buffer;

uv_stream_t* StreamOf(const async::UvHandle<uv_any_handle>& socket) {
    return reinterpret_cast<uv_stream_t*>(socket.get());
}

[[noreturn]] void GiveUp(const std::string& reason) {
    std::fprintf(stderr, "policyd-responder: redis: %s\n", reason.c_str());
    std::exit(1);
}

/// The length of the first reply, a bulk string, in `received`; 0 if it is not complete.
std::size_t ReplyLength(std::string_view received) {
    const std::size_t line_end = received.find("\r\n");
    if (line_end == std::string_view::npos) return 0;
    if (received.front() != '$') GiveUp(std::string(received.substr(0, line_end)));
    const long size = std::strtol(received.data() + 1, nullptr, 10);
    const std::size_t length = line_end + 2 + (size < 0 ? 0 : static_cast<std::size_t>(size) + 2);
    return length <= received.size() ? length : 0;
}

}  // namespace

RedisPipe::RedisPipe(uv_loop_t* loop, const async::Endpoint& redis)
    : end_of_turn_(async::MakeHandle<uv_check_t>("uv_check_init", this, uv_check_init, loop)) {
    const bool is_unix = redis.kind == async::Endpoint::Kind::kUnix;
    auto handle = std::make_unique<uv_any_handle>();
    async::ThrowIfFailed(
        is_unix ? uv_pipe_init(loop, &handle->pipe, 0) : uv_tcp_init(loop, &handle->tcp), "socket");
    socket_.reset(handle.release());
    StreamOf(socket_)->data = this;
    connect_.data = this;
    const auto on_connected = [](uv_connect_t* connect, int status) {
        if (status != 0) GiveUp(uv_strerror(status));
        auto& pipe = *static_cast<RedisPipe*>(connect->data);
        const auto lend = [](uv_handle_t*, std::size_t, uv_buf_t* buffer) {
            *buffer = uv_buf_init(read_buffer.data(), read_buffer.size());
        };
        async::ThrowIfFailed(uv_read_start(StreamOf(pipe.socket_), lend, &OnRead), "redis");
        pipe.is_connected_ = true;
    };
    if (is_unix) {
        uv_pipe_connect(&connect_, &socket_->pipe, redis.path.c_str(), on_connected);
    } else {
        sockaddr_storage address{};
        if (async::NumericAddress(redis, address) == 0)
            throw std::runtime_error("redis: an IP address is needed, not a name");
        uv_tcp_nodelay(&socket_->tcp, 1);
        async::ThrowIfFailed(
            uv_tcp_connect(&connect_, &socket_->tcp, reinterpret_cast<const sockaddr*>(&address),
                           on_connected),
            "redis");
    }
    uv_check_start(end_of_turn_.get(),
                   [](uv_check_t* check) { static_cast<RedisPipe*>(check->data)->Send(); });
}

void RedisPipe::Get(std::function<void()> then) {
    unsent_ += kGet;
    waiting_.push_back(std::move(then));
}

void RedisPipe::Send() {
    if (unsent_.empty() || !is_connected_) return;
    const uv_buf_t buffer = uv_buf_init(unsent_.data(), static_cast<unsigned>(unsent_.size()));
    const int written = uv_try_write(StreamOf(socket_), &buffer, 1);
    if (written < 0 && written != UV_EAGAIN) GiveUp(uv_strerror(written));
    if (written > 0) unsent_.erase(0, static_cast<std::size_t>(written));
}

void RedisPipe::OnRead(uv_stream_t* socket, ssize_t size, const uv_buf_t* buffer) {
    if (size < 0) GiveUp(uv_strerror(static_cast<int>(size)));
    auto& pipe = *static_cast<RedisPipe*>(socket->data);
    pipe.received_.append(buffer->base, static_cast<std::size_t>(size));
    pipe.TakeReplies();
}

void RedisPipe::TakeReplies() {
    std::size_t taken = 0;
    while (taken < received_.size()) {
        const std::size_t length = ReplyLength(std::string_view(received_).substr(taken));
        if (length == 0) break;
        taken += length;
        const std::function<void()> then = std::move(waiting_.front());
        waiting_.pop_front();
        then();
    }
    received_.erase(0, taken);
}

}  // namespace policyd::loadtest
