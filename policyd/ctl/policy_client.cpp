#include "policyd/ctl/policy_client.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace policyd::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestReply = 64 * 1024;

class Socket {
public:
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Socket& operator=(Socket&&) = delete;
    ~Socket() {
        if (descriptor_ >= 0) close(descriptor_);
    }

    int Descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

NoAnswer Failure(const async::Endpoint& server, std::string_view step) {
    const bool timed_out = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS;
    const char* reason = timed_out ? "timed out" : std::strerror(errno);
    return NoAnswer(server.ToText() + ": " + std::string(step) + ": " + reason);
}

void LimitTime(int socket, int option, std::chrono::milliseconds limit) {
    const timeval time{.tv_sec = limit.count() / 1000, .tv_usec = limit.count() % 1000 * 1000};
    setsockopt(socket, SOL_SOCKET, option, &time, sizeof time);
}

/// Throws with errno's text unless the server accepts.
Socket ConnectTo(const async::Endpoint& server, const sockaddr* address, socklen_t length,
                 std::chrono::milliseconds limit) {
    Socket socket(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    LimitTime(socket.Descriptor(), SO_SNDTIMEO, limit);
    if (connect(socket.Descriptor(), address, length) != 0) throw Failure(server, "connect");
    return socket;
}

Socket Connect(const async::Endpoint& server, std::chrono::milliseconds limit) {
    sockaddr_storage numeric{};
    if (const socklen_t length = async::NumericAddress(server, numeric))
        return ConnectTo(server, reinterpret_cast<const sockaddr*>(&numeric), length, limit);

    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int status =
        getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found);
    if (status != 0) throw NoAnswer(server.ToText() + ": " + gai_strerror(status));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
    std::optional<NoAnswer> failure;
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
        try {
            return ConnectTo(server, address->ai_addr, address->ai_addrlen, limit);
        } catch (const NoAnswer& refused) {
            failure = refused;
        }
    }
    throw *failure;
}

void Send(const Socket& socket, const async::Endpoint& server, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = send(socket.Descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) throw Failure(server, "send");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

/// Appends what comes next; false once the server has closed.
bool ReceiveMore(const Socket& socket, const async::Endpoint& server, Clock::time_point deadline,
                 std::string& received) {
    char buffer[4096];
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    // 0 would be no limit.
    LimitTime(socket.Descriptor(), SO_RCVTIMEO, std::max(left, std::chrono::milliseconds(1)));
    const ssize_t size = recv(socket.Descriptor(), buffer, sizeof buffer, 0);
    if (size < 0) throw Failure(server, "receive");
    received.append(buffer, static_cast<std::size_t>(size));
    if (received.size() > kLongestReply) throw NoAnswer(server.ToText() + ": endless answer");
    return size > 0;
}

std::string ReceiveReply(const Socket& socket, const async::Endpoint& server,
                         Clock::time_point deadline) {
    std::string reply;
    while (reply.find("\n\n") == std::string::npos)
        if (!ReceiveMore(socket, server, deadline, reply))
            throw NoAnswer(server.ToText() + ": closed the connection without an answer");
    return reply;
}

/// Everything until the server closes.
std::string ReceiveAll(const Socket& socket, const async::Endpoint& server,
                       Clock::time_point deadline) {
    std::string received;
    while (ReceiveMore(socket, server, deadline, received)) continue;
    return received;
}

}  // namespace

std::string AskServer(const async::Endpoint& server, const std::string& request,
                      std::chrono::milliseconds limit) {
    const Socket socket = Connect(server, limit);
    const auto deadline = Clock::now() + limit;
    Send(socket, server, request);
    const std::string reply = ReceiveReply(socket, server, deadline);
    constexpr std::string_view kAction = "action=";
    if (!reply.starts_with(kAction) || reply.find('\n') + 2 != reply.size())
        throw NoAnswer(server.ToText() + ": the answer is not one action line");
    return reply.substr(kAction.size(), reply.find('\n') - kAction.size());
}

ControlReply TellServer(const async::Endpoint& control_socket, const std::string& command,
                        std::chrono::milliseconds limit) {
    const Socket socket = Connect(control_socket, limit);
    const auto deadline = Clock::now() + limit;
    Send(socket, control_socket, "POST /" + command + " HTTP/1.0\r\n\r\n");
    const std::string reply = ReceiveAll(socket, control_socket, deadline);
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    const std::size_t head_end = reply.find("\r\n\r\n");
    if (!reply.starts_with(kVersion) || head_end == std::string::npos)
        throw NoAnswer(control_socket.ToText() + ": the answer is not HTTP");
    ControlReply result;
    const std::string_view status = std::string_view(reply).substr(kVersion.size(), 3);
    result.done = status == "200";
    result.is_stopping = status == "503";
    result.lacks_means = status == "507";
    result.text = reply.substr(head_end + 4);
    return result;
}

}  // namespace policyd::ctl
