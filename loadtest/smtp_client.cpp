#include "loadtest/smtp_client.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"
#include "loadtest/envelope.hpp"

namespace policyd::loadtest {

namespace {

constexpr std::size_t kLineLength = 70;
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kEndOfData = ".\r\n";

std::string Date() {
    char text[64];
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    const std::size_t length = std::strftime(text, sizeof text, "%a, %d %b %Y %T +0000", &parts);
    return std::string(text, length);
}

std::string XclientCommand(const ClientHost& host) {
    const bool is_v6 = host.address.find(':') != std::string::npos;
    return "XCLIENT ADDR=" + std::string(is_v6 ? "IPV6:" : "") + host.address +
           " NAME=" + host.name;
}

/// Another one would be the reply to something before.
bool IsReplyToQuit(const SmtpReply& reply) {
    return reply.code == 221 || reply.code == 421;  // RFC 5321, 4.2.3
}

/// Behind these the server closes the connection (RFC 5321, 4.2.1; RFC 7504; access(5)).
bool EndsSession(const SmtpReply& reply) {
    return reply.code == 421 || reply.code == 521;
}

std::string Shown(const SmtpReply& reply) {
    return std::to_string(reply.code) + ' ' + text::EscapedForLog(reply.text);
}

/// The kind of reply that is expected: of one that is written out, that of its code. An SMTP server
/// permits where a policy service does not mind.
Verdict AtSmtp(const Expectation& expected) {
    const std::string_view text = expected.Text();
    const auto code = text::ParseUnsigned(text.substr(0, text.find(' ')));
    if (code && *code >= 200 && *code < 600) return VerdictOfSmtp(static_cast<int>(*code));
    return expected.Meaning() == Verdict::kDunno ? Verdict::kPermit : expected.Meaning();
}

}  // namespace

SmtpClient::SmtpClient(const Setting& setting, async::Endpoint server, Random random)
    : options_(setting.options),
      population_(setting.population),
      random_(random),
      recipient_count_(options_.recipients_per_message),
      connection_(setting.loop, std::move(server),
                  std::chrono::duration_cast<ServerConnection::Clock::duration>(
                      std::chrono::duration<double>(setting.options.time_limit_s))) {}

/// A connection that stayed open until its turn would be closed by a server that has waited for its
/// first command long enough, and its session would not have to wait for the connection.
async::Task<> SmtpClient::Open() {
    co_await connection_.Open();
    connection_.Close();
}

async::Task<Outcome> SmtpClient::Work() {
    Outcome outcome;
    outcome.kind = "session";
    ChooseMessage();
    try {
        co_await connection_.Open();
        co_await Deliver(outcome);
    } catch (const NoAnswer& failure) {
        outcome.fault = Outcome::Fault::kNoAnswer;
        outcome.detail = failure.what();
    } catch (const MalformedReply& reply) {
        outcome.fault = Outcome::Fault::kMalformed;
        outcome.verdict = Verdict::kOther;
        outcome.detail = reply.what();
    }
    connection_.Close();
    co_return outcome;
}

void SmtpClient::ChooseMessage() {
    host_ = population_.ChooseClient(random_);
    sender_ = population_.ChooseSender(random_);
    const std::uint64_t wanted = ChooseSize(options_, random_);
    recipients_.clear();
    for (std::size_t left = recipient_count_.Choose(random_); left > 0; --left)
        recipients_.push_back(random_.Happens(options_.unknown_percent)
                                  ? population_.UnknownRecipient(random_)
                                  : population_.ChooseRecipient(random_));
    headers_ = HeadersOf(sender_, recipients_.front().address, NewInstance());
    size_ = std::max<std::uint64_t>(wanted, headers_.size() + kLineEnd.size());
}

async::Task<> SmtpClient::Deliver(Outcome& outcome) {
    const bool is_greeted = co_await Greet(outcome);
    if (!is_greeted) {
        NoteEarlyEnd(outcome);
        co_return;
    }
    std::string mail = "MAIL FROM:<" + sender_ + ">";
    if (extensions_.find("SIZE") != std::string::npos) mail += " SIZE=" + std::to_string(size_);
    const SmtpReply sender = co_await Step(outcome, "MAIL", std::move(mail));
    if (sender.IsPositive()) {
        const std::uint64_t accepted = co_await Rcpt(outcome);
        if (accepted > 0) co_await Data(outcome);
    } else {
        NoteEarlyEnd(outcome);
    }
    const std::string quit = "QUIT\r\n";
    try {
        const SmtpReply bye = co_await connection_.Say(quit);
        if (!IsReplyToQuit(bye)) throw MalformedReply("to QUIT: " + std::to_string(bye.code));
    } catch (const NoAnswer&) {
        // What became of the message is known already; some servers do not wait for this.
    }
}

async::Task<bool> SmtpClient::Greet(Outcome& outcome) {
    const SmtpReply greeting = co_await connection_.Hear();
    last_reply_ = greeting.text;
    outcome.verdict = VerdictOfSmtp(greeting.code);
    if (!greeting.IsPositive()) co_return false;
    SmtpReply hello = co_await Step(outcome, "EHLO", "EHLO " + host_.name);
    if (hello.IsPositive() && hello.text.find("XCLIENT") != std::string::npos) {
        const SmtpReply presented = co_await Step(outcome, "XCLIENT", XclientCommand(host_));
        if (!presented.IsPositive()) co_return false;
        hello = co_await Step(outcome, "EHLO", "EHLO " + host_.name);
    }
    extensions_ = hello.text;
    co_return hello.IsPositive();
}

/// Returns how many recipients were accepted of a message that may go on.
async::Task<std::uint64_t> SmtpClient::Rcpt(Outcome& outcome) {
    std::uint64_t accepted = 0;
    for (const Recipient& recipient : recipients_) {
        const SmtpReply reply =
            co_await Step(outcome, "RCPT", "RCPT TO:<" + recipient.address + ">");
        Judge(outcome, recipient, reply);
        if (EndsSession(reply)) {
            if (&recipient != &recipients_.back()) NoteEarlyEnd(outcome);
            co_return 0;
        }
        if (reply.IsPositive()) ++accepted;
    }
    co_return accepted;
}

async::Task<> SmtpClient::Data(Outcome& outcome) {
    const SmtpReply start = co_await Step(outcome, "DATA", "DATA");
    if (start.code != 354) {
        NoteEarlyEnd(outcome);
        co_return;
    }
    const SmtpReply end = co_await Step(outcome, "end of data", MessageOf(headers_, size_));
    outcome.is_message = end.IsPositive();
    if (outcome.is_message) outcome.accepted_bytes = size_;
    const Expectation* expected = population_.ExpectedAtEnd();
    if (expected == nullptr || outcome.fault != Outcome::Fault::kNone) co_return;
    if (AtSmtp(*expected) == outcome.verdict) co_return;
    outcome.fault = Outcome::Fault::kUnexpected;
    outcome.detail =
        "end of data: " + Shown(end) + " instead of " + text::EscapedForLog(expected->Text());
}

/// Says one line, or a whole message, and notes the reply, which is the session's verdict as long
/// as no other comes.
async::Task<SmtpReply> SmtpClient::Step(Outcome& outcome, std::string_view kind,
                                        std::string command) {
    if (!command.ends_with("\r\n")) command += "\r\n";
    const auto asked = std::chrono::steady_clock::now();
    SmtpReply reply = co_await connection_.Say(command);
    last_reply_ = reply.text;
    outcome.verdict = VerdictOfSmtp(reply.code);
    outcome.steps.emplace_back(kind, outcome.verdict, std::chrono::steady_clock::now() - asked);
    co_return reply;
}

/// What was expected of the recipients and of the end never came to be said.
void SmtpClient::NoteEarlyEnd(Outcome& outcome) const {
    const bool is_expected =
        population_.ExpectedAtEnd() != nullptr || recipients_.front().expected != nullptr;
    if (!is_expected || outcome.fault != Outcome::Fault::kNone) return;
    outcome.fault = Outcome::Fault::kUnexpected;
    outcome.detail = "the session came to no end of data: " + text::EscapedForLog(last_reply_);
}

void SmtpClient::Judge(Outcome& outcome, const Recipient& recipient, const SmtpReply& reply) {
    if (recipient.expected == nullptr || outcome.fault != Outcome::Fault::kNone) return;
    const Verdict heard = VerdictOfSmtp(reply.code);
    if (AtSmtp(*recipient.expected) == heard) return;
    outcome.fault = Outcome::Fault::kUnexpected;
    outcome.detail = "RCPT <" + text::EscapedForLog(recipient.address) + ">: " + Shown(reply) +
                     " instead of " + text::EscapedForLog(recipient.expected->Text());
}

std::string HeadersOf(std::string_view sender, std::string_view recipient,
                      std::string_view message_id) {
    std::string headers;
    const auto header = [&headers](std::string_view name, std::string_view value) {
        headers.append(name).append(": ").append(value).append("\r\n");
    };
    header("From", sender);
    header("To", recipient);
    header("Date", Date());
    header("Message-ID", "<" + std::string(message_id) + "@load.example>");
    header("Subject", "Load");
    return headers.append("\r\n");
}

std::string MessageOf(std::string_view headers, std::uint64_t size) {
    std::string message(headers);
    message.reserve(size + kEndOfData.size());
    while (message.size() < size) {
        const std::size_t rest = size - message.size() - kLineEnd.size();
        // No line is shorter than its end.
        const std::size_t length = rest == kLineLength + 1 ? kLineLength - 1 : rest;
        message.append(std::min(length, kLineLength), 'x').append(kLineEnd);
    }
    return message.append(kEndOfData);
}

}  // namespace policyd::loadtest
