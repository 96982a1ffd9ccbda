#include "policyd/server/peer_name.hpp"

#include <netinet/in.h>

#include <cstring>

namespace policyd::server {

namespace {

bool IsLoopback(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/// A socket for both families, as systemd opens them, shows 192.0.2.1 as ::ffff:192.0.2.1: the same
/// host has one name at all sockets.
void TakeForIpv4IfMapped(sockaddr_storage& address) {
    if (address.ss_family != AF_INET6) return;
    const in6_addr mapped = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (!IN6_IS_ADDR_V4MAPPED(&mapped)) return;
    address = {};
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, &mapped.s6_addr[12], sizeof v4.sin_addr);
}

}  // namespace

std::string PeerName(sockaddr_storage address, const std::string& host_name) {
    TakeForIpv4IfMapped(address);
    if (IsLoopback(address)) return host_name;
    char text[INET6_ADDRSTRLEN] = "";
    if (uv_ip_name(reinterpret_cast<const sockaddr*>(&address), text, sizeof text) != 0)
        return host_name;
    return text;
}

std::string PeerName(const uv_handle_t& socket, const std::string& host_name) {
    sockaddr_storage address{};
    int length = sizeof address;
    if (socket.type != UV_TCP ||
        uv_tcp_getpeername(reinterpret_cast<const uv_tcp_t*>(&socket),
                           reinterpret_cast<sockaddr*>(&address), &length) != 0)
        return host_name;
    return PeerName(address, host_name);
}

}  // namespace policyd::server
