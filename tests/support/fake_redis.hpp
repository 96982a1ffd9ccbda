#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "common/async/endpoint.hpp"
#include "common/files/descriptor.hpp"

namespace policyd::test {

/// What is a Redis to those who ask for its ROLE, and nothing else after that. It serves one client
/// at a time, who waits for each answer.
class FakeRedis {
public:
    using AfterGreeting = std::function<void(int connection)>;

    /// `after_greeting` is called whenever ROLE was answered; to all else the answer is `answer`.
    explicit FakeRedis(AfterGreeting after_greeting, std::string answer = "$-1\r\n")
        : after_greeting_(std::move(after_greeting)), answer_(std::move(answer)) {
        sockaddr_in address{};
        socklen_t length = sizeof address;
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* const plain = reinterpret_cast<sockaddr*>(&address);
        if (bind(listening_.Get(), plain, length) != 0 || listen(listening_.Get(), 10) != 0 ||
            getsockname(listening_.Get(), plain, &length) != 0)
            throw std::system_error(errno, std::generic_category(), "a fake Redis");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { Serve(); });
    }
    ~FakeRedis() {
        stopping_ = true;
        shutdown(listening_.Get(), SHUT_RDWR);
        shutdown(connection_, SHUT_RDWR);
        thread_.join();
    }
    FakeRedis(const FakeRedis&) = delete;
    FakeRedis& operator=(const FakeRedis&) = delete;

    async::Endpoint Endpoint() const {
        return {async::Endpoint::Kind::kInet, {}, "127.0.0.1", port_};
    }
    /// How many connections have been.
    int Greeted() const { return greeted_; }

private:
    void Serve() {
        while (!stopping_) {
            const files::Descriptor connection(accept(listening_.Get(), nullptr, nullptr));
            if (!connection) return;
            connection_ = connection.Get();
            if (!stopping_) Answer(connection.Get());
            connection_ = -1;
        }
    }

    void Answer(int connection) {
        std::string bytes(256 * 1024, '\0');
        for (bool greeted = false;; greeted = true) {
            // On the loopback a command comes in one piece.
            if (read(connection, bytes.data(), bytes.size()) <= 0) return;
            const std::string_view reply =
                greeted ? std::string_view(answer_) : "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
            if (write(connection, reply.data(), reply.size()) < 0) return;
            if (greeted) continue;
            ++greeted_;
            if (after_greeting_) after_greeting_(connection);
        }
    }

    const AfterGreeting after_greeting_;
    const std::string answer_;
    const files::Descriptor listening_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    std::uint16_t port_ = 0;
    std::atomic<int> greeted_ = 0;
    std::atomic<int> connection_ = -1;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace policyd::test
