#include "tests/support/smtp_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

namespace policyd::test {

namespace {

/// xtext (RFC 1891): what XCLIENT values are written in.
std::string Xtext(std::string_view value) {
    std::string encoded;
    for (const char c : value) {
        if (c > ' ' && c < 0x7f && c != '+' && c != '=') {
            encoded += c;
            continue;
        }
        char hex[4];
        std::snprintf(hex, sizeof hex, "+%02X", static_cast<unsigned char>(c));
        encoded += hex;
    }
    return encoded;
}

std::string AsSentAfterData(std::string_view message) {
    std::string sent;
    bool at_line_start = true;
    for (const char c : message) {
        if (c == '\r') continue;
        if (at_line_start && c == '.') sent += '.';
        if (c == '\n') sent += '\r';
        sent += c;
        at_line_start = c == '\n';
    }
    if (!at_line_start) sent += "\r\n";
    return sent + ".\r\n";
}

}  // namespace

SmtpClient::SmtpClient(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int yes = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);

    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<std::uint16_t>(port));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) {
        const int error = errno;
        close(socket_);
        throw std::system_error(error, std::generic_category(),
                                "SMTP connection to port " + std::to_string(port));
    }
    try {
        ReadReply();
    } catch (...) {
        close(socket_);
        throw;
    }
}

SmtpClient::~SmtpClient() {
    close(socket_);
}

SmtpReply SmtpClient::Command(std::string_view line) {
    Send(std::string(line) + "\r\n");
    return ReadReply();
}

SmtpReply SmtpClient::Ehlo(std::string_view name) {
    return Command("EHLO " + std::string(name));
}

SmtpReply SmtpClient::Xclient(const std::vector<std::pair<std::string, std::string>>& attributes) {
    std::string line = "XCLIENT";
    for (const auto& [name, value] : attributes) line += ' ' + name + '=' + Xtext(value);
    SmtpReply reply = Command(line);
    return reply.IsPositive() ? Ehlo() : reply;
}

SmtpReply SmtpClient::Mail(std::string_view sender, std::optional<std::uint64_t> size) {
    std::string line = "MAIL FROM:<" + std::string(sender) + ">";
    if (size) line += " SIZE=" + std::to_string(*size);
    return Command(line);
}

SmtpReply SmtpClient::Rcpt(std::string_view recipient) {
    return Command("RCPT TO:<" + std::string(recipient) + ">");
}

SmtpReply SmtpClient::Data(std::string_view message) {
    SmtpReply reply = Command("DATA");
    if (reply.code != 354) return reply;
    Send(AsSentAfterData(message));
    return ReadReply();
}

void SmtpClient::Send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) throw std::system_error(errno, std::generic_category(), "SMTP: send");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string SmtpClient::ReadLine() {
    for (;;) {
        const std::size_t end = received_.find("\r\n");
        if (end != std::string::npos) {
            std::string line = received_.substr(0, end);
            received_.erase(0, end + 2);
            return line;
        }
        char buffer[8192];
        const ssize_t size = recv(socket_, buffer, sizeof buffer, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) throw std::system_error(errno, std::generic_category(), "SMTP: receive");
        if (size == 0) throw std::runtime_error("SMTP: the server hung up");
        received_.append(buffer, static_cast<std::size_t>(size));
    }
}

SmtpReply SmtpClient::ReadReply() {
    SmtpReply reply;
    for (;;) {
        const std::string line = ReadLine();
        if (line.size() < 3 || line.find_first_not_of("0123456789") < 3)
            throw std::runtime_error("SMTP: not a reply: " + line);
        reply.code = std::stoi(line.substr(0, 3));
        if (!reply.text.empty()) reply.text += '\n';
        if (line.size() > 4) reply.text += line.substr(4);
        if (line.size() == 3 || line[3] == ' ') return reply;
    }
}

std::string SampleMessage(std::size_t body_bytes) {
    std::string message =
        "From: sender@client.test\nTo: recipient@client.test\nSubject: sample\n\n";
    for (std::size_t left = body_bytes; left > 0;) {
        const std::size_t line = std::min<std::size_t>(left, 70);
        message += std::string(line - 1, 'x') + '\n';
        left -= line;
    }
    return message;
}

}  // namespace policyd::test
