#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "common/files/descriptor.hpp"

namespace policyd::test {

/// A port on which nobody answers, as on a host that is powered off: who connects gets neither a
/// connection nor a refusal, since the kernel's queue of connections is full.
class SilentServer {
public:
    /// On a free port of 127.0.0.1.
    SilentServer();
    /// On ::1, beside one that listens on 127.0.0.1 alone.
    explicit SilentServer(int port);

    int Port() const { return port_; }

private:
    void Listen(const sockaddr* address, socklen_t length);

    const int port_;
    files::Descriptor listening_;
    std::vector<files::Descriptor> queued_;
};

}  // namespace policyd::test
