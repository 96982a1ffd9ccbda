#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "loadtest/envelope.hpp"
#include "loadtest/mailbomb.hpp"
#include "loadtest/newcomers.hpp"
#include "loadtest/scenario_list.hpp"
#include "loadtest/sessions.hpp"
#include "loadtest/steady.hpp"

namespace policyd::loadtest {
namespace {

/// A script and what it needs; nothing is sent anywhere.
template <typename PlayedScript>
struct Play {
    explicit Play(const Options& the_options)
        : options(the_options),
          population(options),
          setting{nullptr, options, population, {}},
          script(setting, Random(options.seed)) {}

    const Options options;
    Population population;
    Setting setting;
    PlayedScript script;
};

/// What a policy client says to its script.
void Hear(Script& script, std::string_view action) {
    script.Heard(VerdictOf(action), Passes(action));
}

TEST(ScenariosTest, HaveNamesOfTheirOwn) {
    std::set<std::string_view> names;
    for (const Scenario* scenario : Scenarios()) {
        EXPECT_TRUE(names.insert(scenario->name).second);
        EXPECT_EQ(FindScenario(scenario->name), scenario);
    }
    EXPECT_EQ(FindScenario("nonesuch"), nullptr);
}

TEST(EnvelopeTest, NoTwoMessagesHaveTheSameName) {
    std::set<std::string> names;
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(names.insert(NewInstance()).second);
}

TEST(EnvelopeTest, QueueNamesHaveTenPlaces) {
    EXPECT_EQ(QueueIdOf("1a.5f.3.abc"), "0000000ABC");
}

TEST(EnvelopeTest, SizesStayInTheirRangeAndReachEveryOrderOfMagnitude) {
    Options options;
    options.smallest_message = 100;
    options.largest_message = 100'000;
    Random random(3);
    std::map<std::size_t, int> digits;
    for (int i = 0; i < 3000; ++i) {
        const std::uint64_t size = ChooseSize(options, random);
        ASSERT_TRUE(size >= 100 && size <= 100'000);
        ++digits[std::to_string(size).size()];
    }
    for (const std::size_t places : {3, 4, 5}) EXPECT_NEAR(digits[places], 1000, 120);
}

TEST(SteadyScriptTest, AsksAboutANewMessageEachTime) {
    Play<SteadyScript> play{Options()};
    std::set<std::string> instances;
    std::set<std::string> recipients;
    for (int i = 0; i < 500; ++i) {
        const PolicyAttributes& asked = play.script.Next().attributes;
        EXPECT_EQ(asked.stage, "RCPT");
        EXPECT_EQ(asked.recipient_count, 0U);
        EXPECT_EQ(asked.queue_id, "");
        EXPECT_EQ(asked.client_name, ClientName(asked.client_address));
        instances.insert(asked.instance);
        recipients.insert(asked.recipient);
    }
    EXPECT_EQ(instances.size(), 500U);
    EXPECT_GT(recipients.size(), 300U);
}

TEST(SteadyScriptTest, MakesTheSameChoicesForTheSameSeed) {
    Play<SteadyScript> one{Options()};
    Play<SteadyScript> same{Options()};
    Options options;
    options.seed = 2;
    Play<SteadyScript> other(options);
    int differences = 0;
    for (int i = 0; i < 100; ++i) {
        const PolicyAttributes asked = one.script.Next().attributes;
        const PolicyAttributes& again = same.script.Next().attributes;
        EXPECT_EQ(asked.recipient, again.recipient);
        EXPECT_EQ(asked.sender, again.sender);
        EXPECT_EQ(asked.client_address, again.client_address);
        EXPECT_EQ(asked.size, again.size);
        if (other.script.Next().attributes.sender != asked.sender) ++differences;
    }
    EXPECT_GT(differences, 90);
}

TEST(SteadyScriptTest, AsksAboutAsManyUnknownRecipientsAsTold) {
    Options options;
    options.unknown_percent = 25;
    options.expect_unknown = "reject";
    Play<SteadyScript> play(options);
    int unknown = 0;
    for (int i = 0; i < 4000; ++i) {
        const Question& asked = play.script.Next();
        const bool is_nobody = asked.attributes.recipient.starts_with("nobody");
        EXPECT_EQ(asked.expected != nullptr, is_nobody);
        if (is_nobody) ++unknown;
    }
    EXPECT_NEAR(unknown, 1000, 120);
}

TEST(NewcomersScriptTest, NeverAsksAboutAnybodyTwice) {
    Options options;
    options.recipients = "generated:2000";
    Play<NewcomersScript> play(options);
    std::set<std::string> met;
    for (int i = 0; i < 2000; ++i) {
        const PolicyAttributes& asked = play.script.Next().attributes;
        EXPECT_TRUE(met.insert(asked.recipient).second);
        EXPECT_TRUE(met.insert(asked.sender).second);
        EXPECT_TRUE(met.insert(asked.client_address).second);
    }
}

TEST(MailbombScriptTest, EndsEachMessageThatWasAcceptedAndNoOther) {
    Options options;
    options.victim = "info@example.com";
    Play<MailbombScript> play(options);
    const PolicyAttributes first = play.script.Next().attributes;
    EXPECT_EQ(first.stage, "RCPT");
    EXPECT_EQ(first.recipient, "info@example.com");
    Hear(play.script, "DUNNO");
    const PolicyAttributes end = play.script.Next().attributes;
    EXPECT_EQ(end.stage, "END-OF-MESSAGE");
    EXPECT_EQ(end.instance, first.instance);
    EXPECT_EQ(end.recipient, "info@example.com");
    EXPECT_EQ(end.recipient_count, 1U);
    EXPECT_NE(end.queue_id, "");
    Hear(play.script, "DUNNO");

    const PolicyAttributes second = play.script.Next().attributes;
    EXPECT_EQ(second.stage, "RCPT");
    EXPECT_NE(second.instance, first.instance);
    EXPECT_NE(second.sender, first.sender);
    Hear(play.script, "REJECT");
    EXPECT_EQ(play.script.Next().attributes.stage, "RCPT");
}

TEST(MailbombScriptTest, EndsAMessageThatIsLetPassByAnotherActionThanDunno) {
    for (const char* action : {"PREPEND X-Seen: yes", "WARN full soon", "HOLD", "bcc a@b",
                               "DEFER_IF_REJECT 4.7.1 later", "OK", "1"}) {
        Play<MailbombScript> play{Options()};
        play.script.Next();
        Hear(play.script, action);
        EXPECT_EQ(play.script.Next().attributes.stage, "END-OF-MESSAGE") << action;
    }
}

/// One transaction of the sessions scenario as the server saw it.
struct Transaction {
    std::string sender;
    std::vector<std::string> recipients;
    std::optional<PolicyAttributes> end;
    std::set<std::uint64_t> sizes;
};

/// Plays `count` transactions; `judge` answers.
template <typename Judge>
std::vector<Transaction> PlaySessions(SessionsScript& script, std::size_t count, Judge judge) {
    std::vector<Transaction> transactions;
    std::string instance;
    for (;;) {
        const PolicyAttributes& asked = script.Next().attributes;
        if (asked.instance != instance) {
            if (transactions.size() == count) return transactions;
            instance = asked.instance;
            transactions.push_back({asked.sender, {}, std::nullopt, {}});
        }
        Transaction& current = transactions.back();
        EXPECT_FALSE(current.end) << "asked on after the end";
        if (asked.stage == "END-OF-MESSAGE") {
            current.end = asked;
        } else {
            current.recipients.push_back(asked.recipient);
            current.sizes.insert(asked.size);
        }
        Hear(script, judge(asked));
    }
}

TEST(SessionsScriptTest, AsksAboutEachRecipientAndThenAboutTheEndAsPostfixDoes) {
    Options options;
    options.aborted_percent = 0;
    Play<SessionsScript> play(options);
    const auto transactions = PlaySessions(play.script, 300, [](const auto&) { return "DUNNO"; });
    std::size_t recipients = 0;
    for (const Transaction& transaction : transactions) {
        ASSERT_TRUE(transaction.end);
        EXPECT_EQ(transaction.end->recipient_count, transaction.recipients.size());
        EXPECT_EQ(transaction.end->recipient,
                  transaction.recipients.size() == 1 ? transaction.recipients[0] : "");
        EXPECT_GT(transaction.end->size, 0U);
        ASSERT_EQ(transaction.sizes.size(), 1U);
        EXPECT_THAT(*transaction.sizes.begin(), testing::AnyOf(0U, transaction.end->size));
        recipients += transaction.recipients.size();
    }
    EXPECT_NEAR(static_cast<double>(recipients) / 300, options.recipients_per_message, 0.4);
}

TEST(SessionsScriptTest, CountsOnlyTheRecipientsThatWereAccepted) {
    Options options;
    options.unknown_percent = 40;
    options.aborted_percent = 0;
    Play<SessionsScript> play(options);
    const auto transactions = PlaySessions(play.script, 300, [](const PolicyAttributes& asked) {
        return asked.recipient.starts_with("nobody") ? "REJECT" : "DUNNO";
    });
    for (const Transaction& transaction : transactions) {
        const auto known = std::count_if(
            transaction.recipients.begin(), transaction.recipients.end(),
            [](const std::string& recipient) { return !recipient.starts_with("nobody"); });
        EXPECT_EQ(transaction.end.has_value(), known > 0);
        if (!transaction.end) continue;
        EXPECT_EQ(transaction.end->recipient_count, static_cast<std::uint64_t>(known));
    }
}

TEST(SessionsScriptTest, GoesOnWhereTheActionLetsMailPassAndIsNotDunno) {
    Options options;
    options.aborted_percent = 0;
    Play<SessionsScript> play(options);
    for (const Transaction& transaction :
         PlaySessions(play.script, 20, [](const auto&) { return "PREPEND X-Seen: yes"; }))
        EXPECT_TRUE(transaction.end);
}

TEST(SessionsScriptTest, BreaksOffTheSameShareOfLongTransactions) {
    for (const double recipients : {1.0, 2.0, 20.0}) {
        Options options;
        options.aborted_percent = 60;
        options.retried_percent = 0;
        options.recipients_per_message = recipients;
        Play<SessionsScript> play(options);
        int broken_off = 0;
        for (const Transaction& transaction :
             PlaySessions(play.script, 2000, [](const auto&) { return "DUNNO"; }))
            if (!transaction.end) ++broken_off;
        EXPECT_NEAR(broken_off, 1200, 80) << recipients;
    }
}

TEST(SessionsScriptTest, AllTransactionsAreBrokenOffWhereThatIsAskedFor) {
    Options options;
    options.aborted_percent = 100;
    Play<SessionsScript> play(options);
    for (const Transaction& transaction :
         PlaySessions(play.script, 200, [](const auto&) { return "DUNNO"; }))
        EXPECT_FALSE(transaction.end);
}

TEST(SessionsScriptTest, BreaksOffAsManyAsToldAndTriesThemAgain) {
    Options options;
    options.aborted_percent = 20;
    options.retried_percent = 100;
    options.senders = "generated:1000000";
    Play<SessionsScript> play(options);
    const auto transactions = PlaySessions(play.script, 2000, [](const auto&) { return "DUNNO"; });
    int broken_off = 0;
    int tried_again = 0;
    for (std::size_t i = 0; i + 1 < transactions.size(); ++i) {
        if (transactions[i].end) continue;
        ++broken_off;
        if (transactions[i + 1].sender == transactions[i].sender) ++tried_again;
    }
    EXPECT_NEAR(broken_off, 400, 80);
    EXPECT_EQ(tried_again, broken_off);
}

TEST(SessionsScriptTest, TriesWhatWasDeferredAgainUnderANewInstance) {
    Options options;
    options.aborted_percent = 0;
    options.retried_percent = 100;
    options.recipients_per_message = 4;
    options.recipients = "generated:1000000";
    Play<SessionsScript> play(options);
    std::set<std::string> deferred;
    std::set<std::string> accepted;
    PlaySessions(play.script, 500, [&](const PolicyAttributes& asked) {
        if (asked.stage != "RCPT") return "DUNNO";
        if (asked.recipient.ends_with("7.load.example") && deferred.insert(asked.recipient).second)
            return "DEFER";
        accepted.insert(asked.recipient);
        return "DUNNO";
    });
    ASSERT_GT(deferred.size(), 20U);
    std::size_t came_back = 0;
    for (const std::string& recipient : deferred) came_back += accepted.count(recipient);
    EXPECT_GE(came_back + 3, deferred.size());  // all but what the last messages left
}

TEST(SessionsScriptTest, ARequestWithoutAnAnswerIsTriedAgainAsWell) {
    Options options;
    options.aborted_percent = 0;
    options.retried_percent = 100;
    options.recipients_per_message = 1;
    options.recipients = "generated:1000000";
    Play<SessionsScript> play(options);
    const std::string recipient = play.script.Next().attributes.recipient;
    play.script.NotAnswered();
    EXPECT_EQ(play.script.Next().attributes.recipient, recipient);
}

}  // namespace
}  // namespace policyd::loadtest
