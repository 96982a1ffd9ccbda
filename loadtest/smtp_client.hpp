#pragma once

#include <string>
#include <vector>

#include "loadtest/client.hpp"
#include "loadtest/population.hpp"
#include "loadtest/random.hpp"
#include "loadtest/recipient_count.hpp"
#include "loadtest/scenario.hpp"
#include "loadtest/smtp_connection.hpp"

namespace policyd::loadtest {

/// Delivers one message in each SMTP session, over a connection of its own as MX servers do, which
/// is opened when the session is due. Where the server offers XCLIENT, it presents itself as one of
/// the clients of the population.
class SmtpClient final : public Client {
public:
    SmtpClient(const Setting& setting, async::Endpoint server, Random random);

    /// Only finds out whether somebody listens.
    async::Task<> Open() override;
    async::Task<Outcome> Work() override;
    void CheckTime(std::chrono::steady_clock::time_point now) override {
        connection_.CheckTime(now);
    }
    void Close() noexcept override { connection_.Close(); }

private:
    async::Task<> Deliver(Outcome& outcome);
    async::Task<bool> Greet(Outcome& outcome);
    async::Task<std::uint64_t> Rcpt(Outcome& outcome);
    async::Task<> Data(Outcome& outcome);
    async::Task<SmtpReply> Step(Outcome& outcome, std::string_view kind, std::string command);
    void ChooseMessage();
    void NoteEarlyEnd(Outcome& outcome) const;
    void Judge(Outcome& outcome, const Recipient& recipient, const SmtpReply& reply);

    const Options& options_;
    Population& population_;
    Random random_;
    const RecipientCount recipient_count_;
    SmtpConnection connection_;

    ClientHost host_;
    std::string sender_;
    std::vector<Recipient> recipients_;
    std::string headers_;
    std::uint64_t size_ = 0;  // of the message, as SIZE is declared
    std::string last_reply_;
    std::string extensions_;  // the reply to EHLO
};

/// The headers of a message and the empty line behind them.
std::string HeadersOf(std::string_view sender, std::string_view recipient,
                      std::string_view message_id);

/// A message of `size` bytes, which is that of the headers or two more at least, with its lines
/// ended as SMTP wants them, and behind it the dot that ends it.
std::string MessageOf(std::string_view headers, std::uint64_t size);

}  // namespace policyd::loadtest
