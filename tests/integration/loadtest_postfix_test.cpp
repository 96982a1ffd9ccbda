#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "loadtest/envelope.hpp"
#include "loadtest/policy_attributes.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/postfix_instance.hpp"
#include "tests/support/smtp_client.hpp"
#include "tests/unit/loadtest/server_thread.hpp"

namespace policyd::loadtest {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

std::vector<std::string> NamesOf(const std::string& request) {
    std::vector<std::string> names;
    std::istringstream lines(request);
    for (std::string line; std::getline(lines, line);)
        if (!line.empty()) names.push_back(line.substr(0, line.find('=')));
    return names;
}

std::string ValueOf(const std::string& request, const std::string& name) {
    std::istringstream lines(request);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
    return "(missing)";
}

/// What the real Postfix asks, for comparison.
class RequestsOfPostfixTest : public testing::Test {
protected:
    RequestsOfPostfixTest()
        : server_([this](const std::string& request) {
              const std::lock_guard lock(mutex_);
              requests_.push_back(request);
              return "action=DUNNO\n\n";
          }) {}

    std::vector<std::string> Requests() {
        const std::lock_guard lock(mutex_);
        return requests_;
    }

    std::mutex mutex_;
    std::vector<std::string> requests_;  // guarded by mutex_
    ServerThread server_;
};

TEST_F(RequestsOfPostfixTest, OursHaveTheSameAttributesInTheSameOrderAndForm) {
    const test::PostfixInstance postfix({
        {"virtual_mailbox_domains", "example.com"},
        {"virtual_mailbox_maps", "inline:{a@example.com=a/, b@example.com=b/}"},
        {"smtpd_recipient_restrictions",
         "reject_unauth_destination, check_policy_service " + server_.Address()},
        {"smtpd_end_of_data_restrictions", "check_policy_service " + server_.Address()},
    });
    test::SmtpClient client(postfix.Port());
    client.Ehlo();
    client.Mail("sender@example.org", 1000);
    for (const char* recipient : {"a@example.com", "b@example.com"})
        ASSERT_EQ(client.Rcpt(recipient).code, 250);
    ASSERT_EQ(client.Data(test::SampleMessage()).code, 250);
    const std::vector<std::string> theirs = Requests();
    ASSERT_EQ(theirs.size(), 3U);

    PolicyAttributes ours;
    Random random(1);
    std::string request;
    StartMessage(ours, ClientHost{"192.0.2.1", "mx.example.org"}, "sender@example.org", random);
    ours.recipient = "a@example.com";
    WriteRequest(ours, request);
    EXPECT_EQ(NamesOf(request), NamesOf(theirs[0]));
    EXPECT_EQ(ValueOf(theirs[0], "queue_id"), ours.queue_id);
    EXPECT_EQ(ValueOf(theirs[0], "recipient_count"), ValueOf(request, "recipient_count"));
    for (const std::string& instance : {ours.instance, ValueOf(theirs[0], "instance")})
        EXPECT_THAT(instance, ContainsRegex("^[0-9a-f]+[.][0-9a-f]+[.][0-9a-f]+[.][0-9a-f]+$"));

    ours.queue_id = QueueIdOf(ours.instance);
    EndMessage(ours, 2, "b@example.com", 1000);
    WriteRequest(ours, request);
    EXPECT_EQ(NamesOf(request), NamesOf(theirs[2]));
    for (const char* same : {"protocol_state", "recipient", "recipient_count"})
        EXPECT_EQ(ValueOf(request, same), ValueOf(theirs[2], same)) << same;
    for (const std::string& queue_id : {ours.queue_id, ValueOf(theirs[2], "queue_id")})
        EXPECT_THAT(queue_id, ContainsRegex("^[0-9A-F]{6,15}$"));
}

/// The scenario smtp against a Postfix that knows a few mailboxes.
class SmtpScenarioTest : public testing::Test {
protected:
    test::Finished Load(std::vector<std::string> arguments) const {
        return Load(postfix_, std::move(arguments));
    }

    static test::Finished Load(const test::PostfixInstance& postfix,
                               std::vector<std::string> arguments) {
        std::vector<std::string> command{test::ProgramPath("policyd-load"),
                                         "smtp",
                                         "--smtp",
                                         "inet:127.0.0.1:" + std::to_string(postfix.Port()),
                                         "--warm-up",
                                         "0",
                                         "--recipients",
                                         "generated:3",
                                         "--connections",
                                         "3",
                                         "--largest-message",
                                         "20000"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return test::Run(command);
    }

    std::size_t DeliveredMessages() const {
        std::size_t files = 0;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(postfix_.MailStore()))
            if (entry.is_regular_file()) ++files;
        return files;
    }

    const test::PostfixInstance postfix_{{
        {"virtual_mailbox_domains", "d0.load.example, d1.load.example, d2.load.example"},
        {"virtual_mailbox_maps",
         "inline:{user0000000@d0.load.example=0/, user0000001@d1.load.example=1/, "
         "user0000002@d2.load.example=2/}"},
    }};
};

TEST_F(SmtpScenarioTest, TakesItForNoAnswerThatPostfixClosesAfterTooManyErrors) {
    // Behind the reply to the last one comes 421 unasked.
    const test::PostfixInstance postfix{{
        {"smtpd_hard_error_limit", "2"},
        {"virtual_mailbox_maps", "inline:{nobody@d0.load.example=0/}"},
        {"virtual_mailbox_domains", "d0.load.example, d1.load.example, d2.load.example"},
    }};
    const auto done =
        Load(postfix, {"--requests", "20", "--unknown", "100", "--recipients-per-message", "25"});
    EXPECT_EQ(done.status, 1) << done.output << done.errors;
    EXPECT_THAT(done.output, ContainsRegex("RCPT +reject "));
    EXPECT_THAT(done.output, ContainsRegex("NOT ANSWERED +[0-9]+: .*too many errors"));
    EXPECT_THAT(done.output, testing::Not(HasSubstr("MALFORMED")));
}

TEST_F(SmtpScenarioTest, AReplyThatClosesTheConnectionIsTheVerdictOfItsSession) {
    const test::PostfixInstance postfix{{
        {"smtpd_recipient_restrictions", "check_client_access static:{421 4.3.2 Not now}"},
        {"virtual_mailbox_domains", "d0.load.example, d1.load.example, d2.load.example"},
        {"virtual_mailbox_maps", "static:x/"},
    }};
    const auto done = Load(postfix, {"--requests", "20", "--recipients-per-message", "5"});
    EXPECT_EQ(done.status, 0) << done.output << done.errors;
    EXPECT_THAT(done.output, ContainsRegex("session +defer 20"));
    EXPECT_THAT(done.output, testing::Not(HasSubstr("NOT ANSWERED")));
}

TEST_F(SmtpScenarioTest, ARefusalThatClosesTheConnectionIsTheVerdictOfItsSession) {
    const test::PostfixInstance postfix{{
        {"smtpd_recipient_restrictions", "check_client_access static:{521 5.3.2 Not you}"},
        {"virtual_mailbox_domains", "d0.load.example, d1.load.example, d2.load.example"},
        {"virtual_mailbox_maps", "static:x/"},
    }};
    const auto done = Load(postfix, {"--requests", "20", "--recipients-per-message", "5"});
    EXPECT_EQ(done.status, 0) << done.output << done.errors;
    EXPECT_THAT(done.output, ContainsRegex("session +reject 20"));
    EXPECT_THAT(done.output, testing::Not(HasSubstr("NOT ANSWERED")));
}

TEST_F(SmtpScenarioTest, APostfixThatWaitsShorterThanAClientForItsTurnIsNotAtFault) {
    const test::PostfixInstance postfix{{
        {"smtpd_timeout", "1s"},
        {"virtual_mailbox_domains", "d0.load.example, d1.load.example, d2.load.example"},
        {"virtual_mailbox_maps", "static:x/"},
    }};
    const auto done = Load(postfix, {"--requests", "4", "--rate", "1"});
    EXPECT_EQ(done.status, 0) << done.output << done.errors;
    EXPECT_THAT(done.output, HasSubstr("smtp, 3 connections"));
    EXPECT_THAT(done.output, ContainsRegex("session +permit 4"));
}

TEST_F(SmtpScenarioTest, DeliversEveryMessageThatWasAccepted) {
    const auto done = Load({"--requests", "20", "--recipients-per-message", "1", "--expect",
                            "dunno", "--expect-end", "permit"});
    EXPECT_EQ(done.status, 0) << done.output << done.errors;
    EXPECT_THAT(done.output, HasSubstr("messages        20 accepted"));
    EXPECT_THAT(done.output, ContainsRegex("XCLIENT +permit 20"));
    postfix_.WaitUntilIdle();
    EXPECT_EQ(DeliveredMessages(), 20U);
    EXPECT_THAT(postfix_.Log(), HasSubstr("client=client-198-18-"));
}

TEST_F(SmtpScenarioTest, ClassifiesRefusals) {
    const auto done = Load({"--requests", "20", "--unknown", "100", "--expect-unknown", "reject"});
    EXPECT_EQ(done.status, 0) << done.output << done.errors;
    EXPECT_THAT(done.output, ContainsRegex("RCPT +reject "));
    EXPECT_THAT(done.output, ContainsRegex("session +reject 20"));
    const auto wrong = Load({"--requests", "5", "--unknown", "100", "--expect-unknown", "dunno"});
    EXPECT_EQ(wrong.status, 1);
    EXPECT_THAT(wrong.output, HasSubstr("User unknown in virtual mailbox table instead of dunno"));
}

}  // namespace
}  // namespace policyd::loadtest
