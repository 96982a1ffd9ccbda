#include "tests/support/silent_server.hpp"

#include <poll.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "tests/support/process.hpp"

namespace policyd::test {

namespace {

/// In which a connection on the loopback is made if it ever is.
constexpr int kLongEnough = 200;  // ms

files::Descriptor OpenSocket(sa_family_t family) {
    return files::Descriptor(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

}  // namespace

SilentServer::SilentServer() : port_(FreePort()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Listen(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

SilentServer::SilentServer(int port) : port_(port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<std::uint16_t>(port));
    address.sin6_addr = in6addr_loopback;
    Listen(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

void SilentServer::Listen(const sockaddr* address, socklen_t length) {
    listening_ = OpenSocket(address->sa_family);
    if (bind(listening_.Get(), address, length) != 0 || listen(listening_.Get(), 0) != 0)
        throw std::system_error(errno, std::generic_category(), "silent server");
    for (bool is_connected = true; is_connected;) {
        queued_.push_back(OpenSocket(address->sa_family));
        connect(queued_.back().Get(), address, length);
        pollfd watched{queued_.back().Get(), POLLOUT, 0};
        is_connected = poll(&watched, 1, kLongEnough) == 1;
    }
}

}  // namespace policyd::test
