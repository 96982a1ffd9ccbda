#include "common/mysql/account.hpp"

#include <stdexcept>

#include "common/text/ascii.hpp"

namespace policyd::mysql {

namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kInet = "inet:";

bool TakePrefix(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) return false;
    text.remove_prefix(prefix.size());
    return true;
}

std::uint16_t ParsePort(std::string_view digits) {
    const auto port = text::ParseUnsigned(digits);
    if (!port || *port == 0 || *port > 65535)
        throw std::invalid_argument("a port is a number from 1 to 65535");
    return static_cast<std::uint16_t>(*port);
}

}  // namespace

std::string Server::ToText() const {
    if (!socket.empty()) return std::string(kUnix) + socket;
    if (host.empty()) return "localhost";
    return std::string(kInet) + host + (port == 0 ? "" : ":" + std::to_string(port));
}

Server ParseServer(std::string_view text) {
    if (TakePrefix(text, kUnix)) {
        if (text.empty()) throw std::invalid_argument("the path of a socket follows \"unix:\"");
        return {std::string(text), {}, 0};
    }
    TakePrefix(text, kInet);
    Server server;
    const std::size_t colon = text.rfind(':');
    if (colon != std::string_view::npos) server.port = ParsePort(text.substr(colon + 1));
    const std::string_view host = text.substr(0, colon);
    if (host.starts_with('['))
        throw std::invalid_argument(
            "an IPv6 address stands without brackets, as Postfix takes it: inet:::1:3306");
    if (host.empty())
        throw std::invalid_argument("a host is written unix:/path, host or inet:host:port");
    if (!text::EqualsIgnoringCase(host, "localhost")) server.host = host;
    return server;
}

bool Tls::IsUsed() const {
    return !key_file.empty() || !cert_file.empty() || !ca_file.empty() || !ca_path.empty() ||
           !ciphers.empty() || verify_cert;
}

}  // namespace policyd::mysql
