#pragma once

#include <sys/socket.h>
#include <uv.h>

#include <string>

namespace policyd::server {

/// Names the Postfix host at the other end of a connected socket, the same on all servers that
/// share a usage store: its address, or `host_name` where it is on this machine (a UNIX socket, a
/// loopback address).
std::string PeerName(const uv_handle_t& socket, const std::string& host_name);

/// The same of whoever has connected from an IPv4 or IPv6 address.
std::string PeerName(sockaddr_storage address, const std::string& host_name);

}  // namespace policyd::server
