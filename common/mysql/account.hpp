#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::mysql {

/// A place where a server is: an element of `hosts`, mysql_table(5).
struct Server {
    std::string socket;      ///< path; empty: TCP, or the client library's own socket
    std::string host;        ///< name or address for TCP; empty with both empty: own socket
    std::uint16_t port = 0;  ///< 0: 3306

    bool IsLocal() const noexcept { return host.empty(); }
    std::string ToText() const;

    auto operator<=>(const Server&) const = default;
};

/// `unix:/path`, `inet:host:port`, `host:port` or `host`; `localhost` is the library's own socket.
/// An address has no brackets, with which Postfix finds no host: `inet:::1:3306`.
/// Throws std::invalid_argument, whose text is what would have been accepted.
Server ParseServer(std::string_view text);

/// Encryption, as mysql_table(5) names it; empty: not used.
struct Tls {
    std::string key_file;
    std::string cert_file;
    std::string ca_file;
    std::string ca_path;
    std::string ciphers;
    bool verify_cert = false;

    bool IsUsed() const;
    auto operator<=>(const Tls&) const = default;
};

/// Who asks which servers, and how. All of them hold the same data. Tables with equal accounts
/// share their connections.
struct Account {
    std::vector<Server> servers;
    std::string user;
    std::string password;
    std::string database;
    std::string charset = "utf8mb4";
    std::string option_file;              ///< empty: the system's my.cnf
    std::string option_group = "client";  ///< empty: none, unless there is a file
    Tls tls;
    std::chrono::seconds retry_interval{60};     ///< a server that failed is left alone
    std::chrono::seconds idle_interval{60};      ///< a connection is not used again after this time
    std::chrono::milliseconds time_limit{1500};  ///< to connect, and for each answer

    auto operator<=>(const Account&) const = default;
};

}  // namespace policyd::mysql
