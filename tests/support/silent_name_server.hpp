#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/files/descriptor.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// A name server that takes questions and answers none. The resolver of a command that is run with
/// Wrapper() in front of it knows no other, and waits for it for half a minute.
class SilentNameServer {
public:
    SilentNameServer() {
        // Tests that run at the same time have one each.
        const auto ours = static_cast<std::uint32_t>(getpid() & 0xffff);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(53);
        address.sin_addr.s_addr = htonl((127U << 24U) | (53U << 16U) | ours);
        is_there_ =
            bind(socket_.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        scratch_.Write("resolv.conf", "nameserver " + std::string(inet_ntoa(address.sin_addr)) +
                                          "\noptions timeout:30 attempts:1\n");
    }

    /// It takes root and the right to mount.
    bool IsPermitted() const {
        std::vector<std::string> command = Wrapper();
        command.push_back("true");
        return is_there_ && Run(command).status == 0;
    }

    std::vector<std::string> Wrapper() const {
        return {"unshare",
                "-m",
                "sh",
                "-c",
                "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"",
                (scratch_ / "resolv.conf").string()};
    }

private:
    const ScratchDirectory scratch_;
    const files::Descriptor socket_{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    bool is_there_ = false;
};

}  // namespace policyd::test
