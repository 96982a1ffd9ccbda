#include "loadtest/server_connection.hpp"

#include <arpa/inet.h>
#include <netdb.h>

#include <utility>

#include "common/async/sleep.hpp"
#include "common/async/uv_handle.hpp"

namespace policyd::loadtest {

namespace {

constexpr std::size_t kMostBuffered = 1 << 20;
constexpr std::chrono::milliseconds kWaitForRoom{5};

}  // namespace

async::Endpoint Resolved(async::Endpoint endpoint) {
    sockaddr_storage address{};
    if (async::NumericAddress(endpoint, address) != 0) return endpoint;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int status = getaddrinfo(endpoint.host.c_str(), nullptr, &hints, &found);
    if (status != 0) throw std::runtime_error(endpoint.host + ": " + gai_strerror(status));
    char numeric[INET6_ADDRSTRLEN] = "";
    getnameinfo(found->ai_addr, found->ai_addrlen, numeric, sizeof numeric, nullptr, 0,
                NI_NUMERICHOST);
    freeaddrinfo(found);
    endpoint.host = numeric;
    return endpoint;
}

/// Awaits the outcome of one attempt to connect: 0 or a UV_E… value.
class [[nodiscard]] ServerConnection::Connecting {
public:
    Connecting(uv_loop_t* loop, const async::Endpoint& server) : server_(server) {
        auto handle = std::make_unique<uv_any_handle>();
        const int status =
            IsUnix() ? uv_pipe_init(loop, &handle->pipe, 0) : uv_tcp_init(loop, &handle->tcp);
        async::ThrowIfFailed(status, "socket");
        socket_.reset(handle.release());
    }
    Connecting(const Connecting&) = delete;

    bool await_ready() const noexcept { return false; }

    bool await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        request_.data = this;
        const auto on_outcome = [](uv_connect_t* request, int status) {
            auto& connecting = *static_cast<Connecting*>(request->data);
            connecting.status_ = status;
            connecting.waiter_.resume();
        };
        if (IsUnix()) {
            uv_pipe_connect(&request_, &socket_->pipe, server_.path.c_str(), on_outcome);
            return true;
        }
        sockaddr_storage address{};
        async::NumericAddress(server_, address);
        status_ = uv_tcp_connect(&request_, &socket_->tcp,
                                 reinterpret_cast<const sockaddr*>(&address), on_outcome);
        return status_ == 0;
    }

    int await_resume() const noexcept { return status_; }

    /// The attempt fails with UV_ECANCELED, soon.
    void Cancel() noexcept { socket_.reset(); }

    async::UvHandle<uv_any_handle> TakeSocket() {
        if (!IsUnix()) uv_tcp_nodelay(&socket_->tcp, 1);
        return std::move(socket_);
    }

private:
    bool IsUnix() const noexcept { return server_.kind == async::Endpoint::Kind::kUnix; }

    const async::Endpoint& server_;
    async::UvHandle<uv_any_handle> socket_;
    uv_connect_t request_{};
    int status_ = 0;
    std::coroutine_handle<> waiter_;
};

ServerConnection::ServerConnection(uv_loop_t* loop, async::Endpoint server,
                                   Clock::duration time_limit)
    : loop_(loop), server_(std::move(server)), time_limit_(time_limit) {}

ServerConnection::~ServerConnection() = default;

async::Task<> ServerConnection::Open() {
    Close();
    StartTime();
    for (;;) {
        Connecting attempt(loop_, server_);
        connecting_ = &attempt;
        const int status = co_await attempt;
        connecting_ = nullptr;
        if (status == 0) {
            stream_ = std::make_unique<async::Stream>(attempt.TakeSocket(), kMostBuffered);
            StopTime();
            co_return;
        }
        // A UNIX socket whose listen queue is full says so at once, where TCP would wait.
        const bool is_late = out_of_time_ || Clock::now() - *waits_since_ >= time_limit_;
        if (status != UV_EAGAIN || is_late)
            throw Failure(status == UV_ECANCELED ? "no connection in time" : uv_strerror(status));
        async::Sleep room(loop_, kWaitForRoom);
        co_await room;
    }
}

async::Task<> ServerConnection::Send(std::string_view bytes) {
    const bool sent = co_await stream_->Write(bytes);
    if (!sent) throw Failure("connection lost");
}

async::Task<> ServerConnection::TrySend(std::string_view bytes) {
    co_await stream_->Write(bytes);
}

async::Task<> ServerConnection::Receive() {
    const bool received = co_await stream_->Read();
    if (!received) throw Failure("connection lost");
}

void ServerConnection::Close() noexcept {
    stream_.reset();
    out_of_time_ = false;
    waits_since_.reset();
}

void ServerConnection::CheckTime(Clock::time_point now) {
    if (!waits_since_ || out_of_time_ || now - *waits_since_ < time_limit_) return;
    out_of_time_ = true;
    if (connecting_ != nullptr) {
        connecting_->Cancel();
    } else if (stream_) {
        stream_->Abort();
    }
}

NoAnswer ServerConnection::Failure(const char* reason) {
    const bool late = out_of_time_ && stream_;
    Close();
    return NoAnswer(late ? "no answer in time" : reason);
}

}  // namespace policyd::loadtest
