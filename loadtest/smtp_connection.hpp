#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/async/task.hpp"
#include "loadtest/server_connection.hpp"

namespace policyd::loadtest {

/// A reply of an SMTP server, RFC 5321.
struct SmtpReply {
    int code = 0;
    std::string text;  ///< of all its lines, without the codes, joined by line feeds

    bool IsPositive() const { return code >= 200 && code < 400; }
    bool operator==(const SmtpReply&) const = default;
};

/// What a server sent is no SMTP reply.
class MalformedReply : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Takes the first reply, of one line or several, off the front of `received`; nothing while it is
/// not complete. Throws MalformedReply.
std::optional<SmtpReply> TakeSmtpReply(std::string& received);

/// A connection to an SMTP server: one command at a time.
class SmtpConnection {
public:
    SmtpConnection(uv_loop_t* loop, async::Endpoint server,
                   ServerConnection::Clock::duration time_limit);

    /// Connects; the greeting is read by Hear(). Throws NoAnswer, as do the others.
    async::Task<> Open() { return connection_.Open(); }
    /// Waits for the next reply. Throws MalformedReply, too.
    async::Task<SmtpReply> Hear();
    /// Sends `bytes`, which outlive the task, and waits for the reply to them.
    async::Task<SmtpReply> Say(const std::string& bytes);
    void Close() noexcept { connection_.Close(); }
    void CheckTime(ServerConnection::Clock::time_point now) { connection_.CheckTime(now); }

private:
    void RefuseSurplus();

    ServerConnection connection_;
};

}  // namespace policyd::loadtest
