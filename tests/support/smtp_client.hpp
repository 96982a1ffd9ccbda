#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace policyd::test {

struct SmtpReply {
    int code = 0;
    std::string text;  ///< of all its lines, without the codes, joined by line feeds

    bool IsPositive() const { return code >= 200 && code < 400; }
};

/// A blocking SMTP client that says what it is told to and returns what it hears. One connection,
/// from the constructor, which waits for the greeting, to the destructor. Every function throws
/// std::runtime_error if the server hangs up, takes longer than a minute or sends what is no reply.
class SmtpClient {
public:
    /// Connects to a port of 127.0.0.1.
    explicit SmtpClient(int port);
    ~SmtpClient();
    SmtpClient(const SmtpClient&) = delete;
    SmtpClient& operator=(const SmtpClient&) = delete;

    /// Sends one line, without its line end, and returns the reply.
    SmtpReply Command(std::string_view line);

    SmtpReply Ehlo(std::string_view name = "client.test");
    /// Presents another client, for instance {{"ADDR", "192.0.2.1"}, {"NAME", "mx.example"}}
    /// (IPv6 as "IPV6:2001:db8::1"), and says EHLO again: the state of the session is lost. Values
    /// are encoded here. Returns the first reply that is not positive, or the one to EHLO.
    SmtpReply Xclient(const std::vector<std::pair<std::string, std::string>>& attributes);
    /// `sender` and `recipient` in external (quoted) form, without the angle brackets.
    SmtpReply Mail(std::string_view sender, std::optional<std::uint64_t> size = {});
    SmtpReply Rcpt(std::string_view recipient);
    /// Sends a whole message: line ends become CRLF, leading dots are doubled. Returns the reply
    /// to DATA if that is not 354, else the one to the end of the message.
    SmtpReply Data(std::string_view message);
    SmtpReply Rset() { return Command("RSET"); }
    SmtpReply Quit() { return Command("QUIT"); }

private:
    void Send(std::string_view bytes);
    std::string ReadLine();
    SmtpReply ReadReply();

    int socket_ = -1;
    std::string received_;
};

/// A small message with a body of about `body_bytes` bytes in lines of 70.
std::string SampleMessage(std::size_t body_bytes = 100);

}  // namespace policyd::test
