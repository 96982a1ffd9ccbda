#include "tests/support/policy_client.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "common/async/endpoint.hpp"

namespace policyd::test {

namespace {

constexpr std::chrono::seconds kPatience{60};

int Connect(const async::Endpoint& endpoint) {
    sockaddr_storage address{};
    const socklen_t length = async::NumericAddress(endpoint, address);
    const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "socket");
    const timeval time{.tv_sec = kPatience.count(), .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
        const int error = errno;
        close(fd);
        throw std::system_error(error, std::generic_category(), "connect " + endpoint.ToText());
    }
    return fd;
}

async::Endpoint Loopback(int port) {
    return {async::Endpoint::Kind::kInet, "", "127.0.0.1", static_cast<std::uint16_t>(port)};
}

}  // namespace

std::string RequestText(
    std::initializer_list<std::pair<std::string_view, std::string_view>> attributes) {
    std::string text = "request=smtpd_access_policy\n";
    const auto is_state = [](const auto& each) { return each.first == "protocol_state"; };
    if (std::none_of(attributes.begin(), attributes.end(), is_state))
        text += "protocol_state=RCPT\n";
    for (const auto& [name, value] : attributes)
        text.append(name).append("=").append(value) += '\n';
    return text + '\n';
}

PolicyClient::PolicyClient(int port) : socket_(Connect(Loopback(port))) {}

PolicyClient::PolicyClient(const std::filesystem::path& socket)
    : socket_(Connect({async::Endpoint::Kind::kUnix, socket.string(), "", 0})) {}

PolicyClient::~PolicyClient() {
    if (socket_ >= 0) close(socket_);
}

std::string PolicyClient::Ask(const std::string& request) {
    Send(request);
    if (auto action = Receive()) return *action;
    throw std::runtime_error("the policy server closed the connection instead of answering");
}

std::string PolicyClient::AskRcpt(std::string_view recipient) {
    return Ask(RequestText({{"recipient", recipient}}));
}

void PolicyClient::Send(std::string_view bytes) {
    if (!TrySend(bytes)) throw std::runtime_error("the policy server takes nothing more");
}

bool PolicyClient::TrySend(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

std::optional<std::string> PolicyClient::Receive() {
    std::size_t end = 0;
    while ((end = received_.find("\n\n")) == std::string::npos) {
        char buffer[4096];
        const ssize_t size = recv(socket_, buffer, sizeof buffer, 0);
        if (size < 0 && errno == EAGAIN) throw std::runtime_error("no answer within a minute");
        if (size <= 0 && received_.empty()) return std::nullopt;
        if (size <= 0) throw std::runtime_error("half an answer: " + received_);
        received_.append(buffer, static_cast<std::size_t>(size));
    }
    const std::string answer = received_.substr(0, end);
    received_.erase(0, end + 2);
    constexpr std::string_view kAction = "action=";
    if (!answer.starts_with(kAction) || answer.find('\n') != std::string::npos)
        throw std::runtime_error("no answer of the protocol: " + answer);
    return answer.substr(kAction.size());
}

void PolicyClient::ExpectClosed() {
    if (const auto action = Receive())
        throw std::runtime_error("answered instead of closing: " + *action);
}

std::string RetryingPolicyClient::Ask(const std::string& request) {
    try {
        if (!client_) client_.emplace(path_);
        return client_->Ask(request);
    } catch (const std::runtime_error&) {
        client_.reset();
    }
    // Postfix's smtpd_policy_service_retry_delay
    std::this_thread::sleep_for(std::chrono::seconds(1));
    client_.emplace(path_);
    return client_->Ask(request);
}

std::string RawExchange(int port, std::string_view bytes) {
    PolicyClient connection(port);
    connection.Send(bytes);
    std::string received;
    char buffer[65536];
    for (;;) {
        const ssize_t size = recv(connection.Descriptor(), buffer, sizeof buffer, 0);
        if (size < 0) throw std::system_error(errno, std::generic_category(), "recv");
        if (size == 0) return received;
        received.append(buffer, static_cast<std::size_t>(size));
    }
}

HttpAnswer HttpGet(int port, const std::string& path) {
    const std::string reply = RawExchange(port, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::size_t head_end = reply.find("\r\n\r\n");
    if (!reply.starts_with("HTTP/1.1 ") || head_end == std::string::npos)
        throw std::runtime_error("no HTTP: " + reply);
    return {std::stoi(reply.substr(9, 3)), reply.substr(head_end + 4)};
}

}  // namespace policyd::test
