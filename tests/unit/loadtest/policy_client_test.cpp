#include "loadtest/policy_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/async/periodic.hpp"
#include "tests/unit/loadtest/scripted_server.hpp"

namespace policyd::loadtest {
namespace {

using namespace std::chrono_literals;
using Fault = Outcome::Fault;

/// Asks the same all the time, and remembers what it heard.
struct OneQuestion final : Script {
    const Question& Next() override { return question; }
    void Heard(Verdict verdict, bool) override { heard.push_back(verdict); }
    void NotAnswered() override { ++not_answered; }

    Question question;
    std::vector<Verdict> heard;
    int not_answered = 0;
};

class PolicyClientTest : public testing::Test {
protected:
    void Serve(ScriptedServer::Answer answer) { server_.emplace(loop_, std::move(answer)); }

    Outcome Work(std::chrono::milliseconds limit = 30s) {
        if (!client_) {
            auto script = std::make_unique<OneQuestion>();
            script->question.attributes.recipient = "info@example.com";
            script->question.expected = expected_ ? &*expected_ : nullptr;
            script_ = script.get();
            client_.emplace(loop_.Raw(), server_->Address(), limit, std::move(script));
        }
        const async::Periodic check_time(
            loop_.Raw(), 5ms, [this] { client_->CheckTime(std::chrono::steady_clock::now()); });
        return loop_.RunUntilDone(client_->Work());
    }

    ~PolicyClientTest() override {
        client_.reset();
        server_.reset();
        loop_.Drain();
    }

    async::EventLoop loop_;
    std::optional<ScriptedServer> server_;
    std::optional<Expectation> expected_;
    std::optional<PolicyClient> client_;
    OneQuestion* script_ = nullptr;
};

TEST_F(PolicyClientTest, AsksOverOneConnectionAndHearsTheVerdicts) {
    std::string request;
    Serve([&](const std::string& asked) {
        request = asked;
        return "action=550 5.1.1 User unknown\n\n";
    });
    for (int i = 0; i < 3; ++i) {
        const Outcome outcome = Work();
        EXPECT_EQ(outcome.fault, Fault::kNone);
        EXPECT_EQ(outcome.kind, "RCPT");
        EXPECT_EQ(outcome.verdict, Verdict::kReject);
    }
    EXPECT_EQ(server_->Connections(), 1);
    EXPECT_THAT(request, testing::HasSubstr("\nrecipient=info@example.com\n"));
    EXPECT_THAT(script_->heard,
                testing::ElementsAre(Verdict::kReject, Verdict::kReject, Verdict::kReject));
}

TEST_F(PolicyClientTest, SaysWhichReplyWasNotAsExpected) {
    expected_.emplace("dunno");
    Serve([](const std::string&) { return "action=552 5.2.2 Full\n\n"; });
    const Outcome outcome = Work();
    EXPECT_EQ(outcome.fault, Fault::kUnexpected);
    EXPECT_EQ(outcome.detail, "RCPT <info@example.com>: 552 5.2.2 Full instead of dunno");
    EXPECT_EQ(script_->heard.size(), 1U);
}

TEST_F(PolicyClientTest, GoesOnOverANewConnectionAfterASecondReply) {
    Serve([](const std::string&) { return "action=DUNNO\n\naction=DUNNO\n\n"; });
    for (int connections : {1, 2}) {
        const Outcome outcome = Work();
        EXPECT_EQ(outcome.fault, Fault::kMalformed);
        EXPECT_THAT(outcome.detail, testing::HasSubstr("bytes behind the empty line"));
        EXPECT_EQ(server_->Connections(), connections);
    }
    EXPECT_EQ(script_->not_answered, 2);
}

TEST_F(PolicyClientTest, AConnectionThatIsClosedIsNoAnswer) {
    Serve([](const std::string&) { return ""; });
    const Outcome outcome = Work();
    EXPECT_EQ(outcome.fault, Fault::kNoAnswer);
    EXPECT_EQ(outcome.detail, "connection lost");
    EXPECT_EQ(script_->not_answered, 1);
}

TEST_F(PolicyClientTest, SilenceIsNoAnswerOnceTheTimeIsOver) {
    Serve([](const std::string&) { return "silence"; });
    const Outcome outcome = Work(20ms);
    EXPECT_EQ(outcome.fault, Fault::kNoAnswer);
    EXPECT_EQ(outcome.detail, "no answer in time");
}

TEST_F(PolicyClientTest, CountsTheBytesOfAnAcceptedMessage) {
    Serve([](const std::string&) { return "action=DUNNO\n\n"; });
    Work();
    script_->question.attributes.stage = "END-OF-MESSAGE";
    script_->question.attributes.size = 4711;
    const Outcome outcome = Work();
    EXPECT_TRUE(outcome.is_message);
    EXPECT_EQ(outcome.accepted_bytes, 4711U);
}

TEST_F(PolicyClientTest, AMessageThatIsLetPassByAnotherActionThanDunnoIsAccepted) {
    Serve([](const std::string&) { return "action=WARN nearly full\n\n"; });
    Work();
    script_->question.attributes.stage = "END-OF-MESSAGE";
    script_->question.attributes.size = 4711;
    const Outcome outcome = Work();
    EXPECT_EQ(outcome.verdict, Verdict::kOther);
    EXPECT_TRUE(outcome.is_message);
    EXPECT_EQ(outcome.accepted_bytes, 4711U);
}

TEST_F(PolicyClientTest, WhatItSaysOfAnAddressThatIsNotUtf8CanBePrinted) {
    expected_.emplace("DUNNO\xff");
    Serve([](const std::string&) { return "action=DUNNO\n\n"; });
    Work();
    script_->question.attributes.recipient = "jos\xe9@example.com";
    EXPECT_EQ(Work().detail, "RCPT <jos\\xe9@example.com>: DUNNO instead of DUNNO\\xff");
}

TEST_F(PolicyClientTest, NobodyListeningIsNoAnswer) {
    Serve([](const std::string&) { return "silence"; });
    auto script = std::make_unique<OneQuestion>();
    const async::Endpoint nowhere = async::ParseEndpoint("unix:/nowhere/at/all");
    PolicyClient client(loop_.Raw(), nowhere, 1s, std::move(script));
    const Outcome outcome = loop_.RunUntilDone(client.Work());
    EXPECT_EQ(outcome.fault, Fault::kNoAnswer);
    EXPECT_EQ(outcome.detail, "no such file or directory");
}

}  // namespace
}  // namespace policyd::loadtest
