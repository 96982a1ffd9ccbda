#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace policyd::async {

/// Where a server listens or is found, written as Postfix writes it: `unix:PATH`,
/// `inet:HOST:PORT`, `inet:[IPV6]:PORT`; `inet:PORT` is the loopback address.
struct Endpoint {
    enum class Kind { kUnix, kInet };

    Kind kind = Kind::kInet;
    std::string path;        ///< kUnix
    std::string host;        ///< kInet: a name or an address, without brackets
    std::uint16_t port = 0;  ///< kInet

    std::string ToText() const;
    bool operator==(const Endpoint&) const = default;
};

/// Throws std::invalid_argument, whose text is what would have been accepted.
Endpoint ParseEndpoint(std::string_view text);

/// The socket address of an endpoint whose host is a numeric address (names need a resolver, which
/// blocks). Returns its length, or 0 where the host is a name or the path is too long.
socklen_t NumericAddress(const Endpoint& endpoint, sockaddr_storage& address);

}  // namespace policyd::async
