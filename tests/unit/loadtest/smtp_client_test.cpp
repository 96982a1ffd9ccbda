#include "loadtest/smtp_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/loadtest/scripted_server.hpp"

namespace policyd::loadtest {
namespace {

using Fault = Outcome::Fault;
using testing::HasSubstr;

/// A client with one recipient, and an SMTP server that takes every message unless a test has
/// another reply to a line.
class SmtpClientTest : public testing::Test {
protected:
    SmtpClientTest() {
        options_.recipients_per_message = 1;
        options_.smallest_message = options_.largest_message = 2'000'000;
    }

    ~SmtpClientTest() override {
        client_.reset();
        server_.reset();
        loop_.Drain();
    }

    SmtpClient& Connected(ScriptedServer::Answer special) {
        const auto answer = [this, special](const std::string& line) -> std::string {
            const std::string reply = special(line);
            return reply != "usual" ? reply : Usual(line);
        };
        server_.emplace(loop_, answer, ScriptedServer::Dialect{"220 mx ESMTP\r\n", "\r\n"});
        population_.emplace(options_);
        const Setting setting{loop_.Raw(), options_, *population_, server_->Address()};
        client_.emplace(setting, server_->Address(), Random(1));
        return *client_;
    }

    async::EventLoop loop_;
    Options options_;
    bool in_message_ = false;

private:
    std::string Usual(const std::string& line) {
        if (in_message_ && line != ".") return "silence";
        if (line == "DATA") {
            in_message_ = true;
            return "354 go\r\n";
        }
        in_message_ = false;
        return line == "QUIT" ? "221 bye\r\n" : "250 2.1.5 Ok\r\n";
    }

    std::optional<Population> population_;
    std::optional<SmtpClient> client_;

protected:
    std::optional<ScriptedServer> server_;
};

TEST_F(SmtpClientTest, EachSessionOpensAConnectionAndTheFirstOneToo) {
    SmtpClient& client = Connected([](const std::string&) { return "usual"; });
    loop_.RunUntilDone(client.Open());
    for (const int connections : {2, 3}) {
        EXPECT_EQ(loop_.RunUntilDone(client.Work()).fault, Fault::kNone);
        EXPECT_EQ(server_->Connections(), connections);
    }
}

TEST_F(SmtpClientTest, ARefusalInTheMiddleOfTheMessageIsTheReplyToIt) {
    SmtpClient& client = Connected([this, has_refused = false](const std::string&) mutable {
        if (!in_message_) return "usual";
        return std::exchange(has_refused, true) ? "" : "552 5.3.4 Too big\r\n";
    });
    const Outcome outcome = loop_.RunUntilDone(client.Work());
    EXPECT_EQ(outcome.fault, Fault::kNone) << outcome.detail;
    EXPECT_EQ(outcome.verdict, Verdict::kReject);
    EXPECT_FALSE(outcome.is_message);
}

TEST_F(SmtpClientTest, OfAReplyThatIsWrittenOutItsCodeIsExpected) {
    options_.expect = options_.expect_end = "250 2.1.5 Ok";
    SmtpClient& client = Connected([](const std::string&) { return "usual"; });
    const Outcome outcome = loop_.RunUntilDone(client.Work());
    EXPECT_EQ(outcome.fault, Fault::kNone) << outcome.detail;
}

TEST_F(SmtpClientTest, SaysWhichReplyWasNotAsExpected) {
    options_.expect_end = "550 no";
    SmtpClient& client = Connected([](const std::string&) { return "usual"; });
    EXPECT_EQ(loop_.RunUntilDone(client.Work()).detail,
              "end of data: 250 2.1.5 Ok instead of 550 no");
}

}  // namespace
}  // namespace policyd::loadtest
