#include "tests/support/gate.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "tests/support/process.hpp"

namespace policyd::test {

namespace {

/// How soon a change of mind is noticed.
constexpr int kTurn = 5;  // ms

sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

Gate::Gate(int server_port) : port_(FreePort()), server_port_(server_port) {
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listening_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = Loopback(port_);
    if (bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listening_, 128) != 0)
        throw std::system_error(errno, std::generic_category(), "gate");
    thread_ = std::thread([this] { Serve(); });
}

Gate::~Gate() {
    ending_ = true;
    thread_.join();
    Reset();
    close(listening_);
}

void Gate::Reset() {
    const std::lock_guard lock(mutex_);
    for (Passage& passage : passages_) Close(passage);
    passages_.clear();
}

void Gate::LeadTo(int server_port) {
    server_port_ = server_port;
    Reset();
}

void Gate::Close(Passage& passage) {
    const linger at_once{1, 0};
    for (const int end : {passage.client, passage.server}) {
        if (end < 0) continue;
        setsockopt(end, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(end);
    }
}

void Gate::Accept() {
    Passage passage;
    passage.client = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (passage.client < 0) return;
    passage.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(server_port_);
    if (connect(passage.server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        Close(passage);
        return;
    }
    passages_.push_back(passage);
}

/// False at the end of either side.
bool Gate::Pass(int from, int to) {
    char bytes[16 * 1024];
    const ssize_t size = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    return size > 0 && send(to, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
}

void Gate::Serve() {
    while (!ending_) {
        std::vector<pollfd> watched{{listening_, POLLIN, 0}};
        if (!held_) {
            const std::lock_guard lock(mutex_);
            for (const Passage& passage : passages_) {
                watched.push_back({passage.client, POLLIN, 0});
                watched.push_back({passage.server, POLLIN, 0});
            }
        }
        poll(watched.data(), watched.size(), kTurn);
        const std::lock_guard lock(mutex_);
        Accept();
        if (held_) continue;
        for (Passage& passage : passages_)
            passage.broken =
                !Pass(passage.client, passage.server) || !Pass(passage.server, passage.client);
        passages_.remove_if([](Passage& passage) {
            if (passage.broken) Close(passage);
            return passage.broken;
        });
    }
}

}  // namespace policyd::test
