#include "tests/support/notify_socket.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace policyd::test {

NotifySocket::NotifySocket(const std::filesystem::path& path)
    : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::system_error(errno, std::generic_category(), "bind");
}

NotifySocket::~NotifySocket() {
    close(fd_);
}

std::string NotifySocket::Next() {
    for (;;) {
        const std::string message = Receive();
        if (message != "WATCHDOG=1") return message;
    }
}

std::string NotifySocket::Receive(std::chrono::seconds time) {
    const timeval limit{.tv_sec = time.count(), .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    char buffer[1024];
    const ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
    return size < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(size));
}

void NotifySocket::Forget() {
    char buffer[1024];
    while (recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
}

}  // namespace policyd::test
