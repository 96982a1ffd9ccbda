#include "policyd/server/peer_name.hpp"

#include <netinet/in.h>

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

}  // namespace

std::string PeerName(const uv_handle_t& socket, const std::string& host_name) {
    sockaddr_storage address{};
    int length = sizeof address;
    if (socket.type != UV_TCP ||
        uv_tcp_getpeername(reinterpret_cast<const uv_tcp_t*>(&socket),
                           reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
        IsLoopback(address))
        return host_name;
    char text[INET6_ADDRSTRLEN] = "";
    if (uv_ip_name(reinterpret_cast<const sockaddr*>(&address), text, sizeof text) != 0)
        return host_name;
    return text;
}

}  // namespace policyd::server
