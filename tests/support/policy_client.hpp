#pragma once

#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace policyd::test {

/// A request of the policy protocol, with its empty line. `request` and protocol_state=RCPT come
/// first unless they are among the attributes.
std::string RequestText(
    std::initializer_list<std::pair<std::string_view, std::string_view>> attributes);

/// A blocking client of a policy server, on one connection. What is waited for takes at most a
/// minute; then, and where the server is away, it throws std::runtime_error.
class PolicyClient {
public:
    explicit PolicyClient(int port);
    explicit PolicyClient(const std::filesystem::path& socket);
    ~PolicyClient();
    PolicyClient(PolicyClient&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
    PolicyClient(const PolicyClient&) = delete;
    PolicyClient& operator=(const PolicyClient&) = delete;

    /// The action that is the answer to a request.
    std::string Ask(const std::string& request);
    std::string AskRcpt(std::string_view recipient);

    void Send(std::string_view bytes);
    /// False once the server has closed the connection.
    bool TrySend(std::string_view bytes);
    /// The next answer's action; nothing if the server closes instead. Throws for what is no whole
    /// answer.
    std::optional<std::string> Receive();
    /// Waits until the server closes; throws if it answers.
    void ExpectClosed();
    int Descriptor() const { return socket_; }

private:
    int socket_ = -1;
    std::string received_;
};

/// Asks as Postfix does: over a kept connection if that works, else once more over a new one.
class RetryingPolicyClient {
public:
    explicit RetryingPolicyClient(std::filesystem::path socket) : path_(std::move(socket)) {}
    /// Throws if the second attempt fails too.
    std::string Ask(const std::string& request);

private:
    const std::filesystem::path path_;
    std::optional<PolicyClient> client_;
};

/// The body that a GET over HTTP is answered with, and its status.
struct HttpAnswer {
    int status = 0;
    std::string body;
};
HttpAnswer HttpGet(int port, const std::string& path);
/// Sends these bytes and returns all that comes back until the server closes.
std::string RawExchange(int port, std::string_view bytes);

}  // namespace policyd::test
