#include "common/async/endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

#include "common/text/ascii.hpp"

namespace policyd::async {

std::string Endpoint::ToText() const {
    if (kind == Kind::kUnix) return "unix:" + path;
    const bool bracketed = host.find(':') != std::string::npos;
    return "inet:" + (bracketed ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

Endpoint ParseEndpoint(std::string_view text) {
    const auto refuse = [] {
        return std::invalid_argument("unix:PATH, inet:HOST:PORT or inet:[IPV6]:PORT");
    };
    Endpoint endpoint;
    if (text.starts_with("unix:")) {
        endpoint.kind = Endpoint::Kind::kUnix;
        endpoint.path = text.substr(5);
        if (endpoint.path.empty()) throw refuse();
        constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
        if (endpoint.path.size() > kLongest)
            throw std::invalid_argument("unix:PATH with a path of at most " +
                                        std::to_string(kLongest) + " bytes");
        return endpoint;
    }
    if (!text.starts_with("inet:")) throw refuse();
    text.remove_prefix(5);
    const std::size_t colon = text.rfind(':');
    std::string_view host = "127.0.0.1";
    std::string_view port = text;
    if (colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        throw refuse();
    }
    const auto number = text::ParseUnsigned(port);
    if (host.empty() || !number || *number == 0 || *number > 65535) throw refuse();
    endpoint.host = host;
    endpoint.port = static_cast<std::uint16_t>(*number);
    return endpoint;
}

socklen_t NumericAddress(const Endpoint& endpoint, sockaddr_storage& address) {
    std::memset(&address, 0, sizeof address);
    if (endpoint.kind == Endpoint::Kind::kUnix) {
        auto& unix_address = reinterpret_cast<sockaddr_un&>(address);
        if (endpoint.path.size() >= sizeof unix_address.sun_path) return 0;
        unix_address.sun_family = AF_UNIX;
        endpoint.path.copy(unix_address.sun_path, endpoint.path.size());
        return sizeof unix_address;
    }
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    if (inet_pton(AF_INET, endpoint.host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        return sizeof v4;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    if (inet_pton(AF_INET6, endpoint.host.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        return sizeof v6;
    }
    return 0;
}

}  // namespace policyd::async
