#include "loadtest/smtp_connection.hpp"

#include <utility>

#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

namespace policyd::loadtest {

namespace {

constexpr int kServiceIsClosing = 421;

/// "250 text", "250-text" or "250", without its line end.
bool IsReplyLine(std::string_view line) {
    if (line.size() < 3 || line[0] < '2' || line[0] > '5') return false;
    if (!text::IsDigit(line[1]) || !text::IsDigit(line[2])) return false;
    return line.size() == 3 || line[3] == ' ' || line[3] == '-';
}

}  // namespace

std::optional<SmtpReply> TakeSmtpReply(std::string& received) {
    SmtpReply reply;
    for (std::size_t begin = 0;;) {
        const std::size_t end = received.find("\r\n", begin);
        if (end == std::string::npos) return std::nullopt;
        const std::string_view line = std::string_view(received).substr(begin, end - begin);
        begin = end + 2;
        if (!IsReplyLine(line)) throw MalformedReply(text::EscapedForLog(line));
        const int code = static_cast<int>(*text::ParseUnsigned(line.substr(0, 3)));
        if (reply.code != 0 && reply.code != code) throw MalformedReply(text::EscapedForLog(line));
        if (reply.code != 0) reply.text += '\n';
        reply.code = code;
        if (line.size() > 4) reply.text += line.substr(4);
        if (line.size() > 3 && line[3] == '-') continue;
        received.erase(0, begin);
        return reply;
    }
}

SmtpConnection::SmtpConnection(uv_loop_t* loop, async::Endpoint server,
                               ServerConnection::Clock::duration time_limit)
    : connection_(loop, std::move(server), time_limit) {}

async::Task<SmtpReply> SmtpConnection::Hear() {
    connection_.StartTime();
    for (;;) {
        std::optional<SmtpReply> reply = TakeSmtpReply(connection_.Received());
        if (reply) {
            connection_.StopTime();
            co_return std::move(*reply);
        }
        co_await connection_.Receive();
    }
}

/// A reply to nothing would be taken for the next command's. A server that closes the connection
/// may say so at any time (RFC 5321, 3.8): Postfix does behind the reply to the last error that it
/// takes (smtpd_hard_error_limit).
void SmtpConnection::RefuseSurplus() {
    std::string& received = connection_.Received();
    if (received.empty()) return;
    const std::string shown = text::EscapedForLog(received);
    const auto reply = TakeSmtpReply(received);
    if (reply && reply->code == kServiceIsClosing)
        throw NoAnswer("the server closes the connection: " + text::EscapedForLog(reply->text));
    throw MalformedReply("more than one reply: " + shown);
}

async::Task<SmtpReply> SmtpConnection::Say(const std::string& bytes) {
    RefuseSurplus();
    connection_.StartTime();
    // A server may refuse a message in the middle of it and close the connection.
    co_await connection_.TrySend(bytes);
    co_return co_await Hear();
}

}  // namespace policyd::loadtest
