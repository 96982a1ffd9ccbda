#include "common/mysql/server_addresses.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <memory>

#include "common/async/endpoint.hpp"

namespace policyd::mysql {

bool HasName(const Server& server) {
    const async::Endpoint endpoint{async::Endpoint::Kind::kInet, {}, server.host, server.port};
    sockaddr_storage address{};
    return !server.host.empty() && async::NumericAddress(endpoint, address) == 0;
}

std::vector<Server> AddressesOf(const Server& server) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(server.host.c_str(), nullptr, &hints, &found) != 0) return {};
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
    std::vector<Server> servers;
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
        char host[NI_MAXHOST];
        if (getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host, nullptr, 0,
                        NI_NUMERICHOST) == 0)
            servers.push_back({{}, host, server.port});
    }
    return servers;
}

}  // namespace policyd::mysql
