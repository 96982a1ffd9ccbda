// The whole answer: a Postfix whose recipients are decided by the service alone answers every
// session with the codes of a Postfix that decides by itself, and with the texts that the tables
// have for senders, and the same mail arrives.
//
//     POLICYD_SEED=7 POLICYD_SESSIONS=2000 build/dev/bin/integration_whole_answer
//
// No client, quota or limit check applies here.

#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "tests/integration/recipient_agreement_generator.hpp"
#include "tests/integration/recipient_agreement_judge.hpp"
#include "tests/integration/recipient_agreement_site.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/policyd_process.hpp"

namespace policyd::agreement {
namespace {

using test::FromEnvironment;

/// One message and how far its client goes with it.
struct Transaction {
    std::vector<Recipient> recipients;
    bool is_given_up = false;  ///< RSET instead of DATA
};
using Session = std::vector<Transaction>;

std::vector<Session> MakeSessions(const Site& site, Generator& generator, std::size_t count,
                                  std::mt19937_64& random) {
    std::vector<Session> sessions(count);
    for (Session& session : sessions) {
        session.resize(1 + random() % 3);
        for (Transaction& transaction : session) {
            transaction.recipients = generator.MakeRecipients(site, 1 + random() % 4);
            if (random() % 4 == 0) transaction.recipients.push_back(transaction.recipients[0]);
            transaction.is_given_up = random() % 10 == 0;
        }
    }
    return sessions;
}

/// The reply as it is to be compared: where the tables have no text, each has words of its own.
std::string Comparable(const test::SmtpReply& reply) {
    constexpr std::string_view kRejected = "rejected: ";
    const std::size_t rejected = reply.text.find(kRejected);
    if (rejected == reply.text.npos) return std::to_string(reply.code);
    std::string text = reply.text.substr(rejected + kRejected.size());
    for (const char* const of_its_own : {"User unknown", "Address is undeliverable"})
        if (text.starts_with(of_its_own)) text = "of its own";
    const std::string status = reply.text.substr(0, reply.text.find(' '));
    return std::to_string(reply.code) + ' ' + status + ' ' + text;
}

/// What the clients saw and what arrived.
struct Outcome {
    std::vector<std::string> replies;    ///< one line for each session
    std::multiset<std::string> arrived;  ///< "session.message directory"
};

class SessionPlayer {
public:
    explicit SessionPlayer(test::PostfixInstance& postfix) : postfix_(postfix) {}

    Outcome Play(const std::vector<Session>& sessions) {
        Outcome outcome;
        for (const Session& session : sessions) {
            const std::string name = std::to_string(outcome.replies.size());
            outcome.replies.push_back(PlayOne(session, name));
        }
        postfix_.WaitUntilIdle();
        outcome.arrived = Arrived();
        return outcome;
    }

private:
    std::string PlayOne(const Session& session, const std::string& name) {
        std::string codes;
        test::SmtpClient client(postfix_.Port());
        client.Ehlo();
        for (std::size_t i = 0; i < session.size(); ++i) {
            client.Command("MAIL FROM:<> SMTPUTF8");
            bool any_accepted = false;
            for (const Recipient& recipient : session[i].recipients) {
                const test::SmtpReply reply = client.Rcpt(recipient.typed);
                any_accepted |= reply.IsPositive();
                codes += Comparable(reply) + " <" + recipient.typed + "> ";
            }
            if (any_accepted && !session[i].is_given_up) {
                const std::string mark = name + '.' + std::to_string(i);
                const test::SmtpReply end = client.Data("X-Case: " + mark + "\n\nx\n");
                codes += "end " + std::to_string(end.code) + ' ';
            } else {
                client.Rset();
            }
        }
        client.Quit();
        return codes;
    }

    std::multiset<std::string> Arrived() const {
        std::multiset<std::string> arrived;
        const auto store = postfix_.MailStore();
        for (const auto& entry : std::filesystem::recursive_directory_iterator(store)) {
            if (!entry.is_regular_file()) continue;
            const std::string message = test::ReadFile(entry.path());
            const std::size_t mark = message.find("X-Case: ");
            const std::string name = message.substr(mark + 8, message.find('\n', mark) - mark - 8);
            const auto directory = entry.path().parent_path().parent_path();
            arrived.insert(name + ' ' + std::filesystem::relative(directory, store).string());
        }
        return arrived;
    }

    test::PostfixInstance& postfix_;
};

/// The parameters of a site as policyd.toml has them.
std::string Configuration(const Site& site, const TableStore& store) {
    std::string toml;
    for (const auto& [name, value] : ParametersOf(site, store)) {
        toml += name + " = ";
        if (value == "yes" || value == "no") {
            toml += value == "yes" ? "true" : "false";
        } else if (!value.empty() && value.find_first_not_of("0123456789") == value.npos) {
            toml += value;
        } else if (name.ends_with("_subdomains") || name.ends_with("_extensions")) {
            std::string list;
            for (const auto word : text::SplitAtAny(value, ", "))
                list += (list.empty() ? "\"" : ", \"") + std::string(word) + '"';
            toml += '[' + list + ']';
        } else {
            toml += '"' + value + '"';
        }
        toml += '\n';
    }
    return toml + "inet_interfaces = [\"127.0.0.1\"]\n";
}

Outcome PlayWithoutService(const Site& site, const TableStore& store,
                           const std::vector<Session>& sessions) {
    Rows parameters = ParametersOf(site, store);
    parameters["smtpd_relay_restrictions"] = "";
    parameters["smtpd_recipient_restrictions"] =
        "reject_unauth_destination, reject_unlisted_recipient";
    test::PostfixInstance postfix(parameters);
    return SessionPlayer(postfix).Play(sessions);
}

Outcome PlayWithService(const Site& site, const TableStore& store,
                        const std::vector<Session>& sessions) {
    const int port = test::FreePort();
    const std::string service = "check_policy_service inet:127.0.0.1:" + std::to_string(port);
    Rows parameters = ParametersOf(site, store);
    parameters["smtpd_relay_restrictions"] = "";
    parameters["smtpd_reject_unlisted_recipient"] = "no";
    parameters["smtpd_recipient_restrictions"] = "reject_unauth_destination, " + service;
    parameters["smtpd_end_of_data_restrictions"] = service;
    test::PostfixInstance postfix(parameters);

    test::ScratchDirectory scratch;
    const auto config = scratch.Write(
        "policyd.toml",
        Configuration(site, store) + "listen = \"inet:127.0.0.1:" + std::to_string(port) +
            "\"\nvirtual_mailbox_base = \"" + postfix.MailStore().string() +
            "\"\nusage_store = \"sqlite:" + (scratch / "usage.sqlite").string() + "\"\n");
    test::PolicydProcess policyd(config, port);
    return SessionPlayer(postfix).Play(sessions);
}

/// One of the replies that some session has to meet, where none did.
std::string NotMetIn(const std::string& replies) {
    for (const char* reply : {"250 <", "550 5.1.1 of its own <", "554 <", "end 250", "end 451"})
        if (replies.find(reply) == replies.npos) return reply;
    return "";
}

TEST(WholeAnswerTest, IsTheSameWithTheServiceAsWithoutIt) {
    const std::uint64_t seed = FromEnvironment("POLICYD_SEED", 2);
    const std::uint64_t wanted = FromEnvironment("POLICYD_SESSIONS", 300);
    Generator generator(seed);
    std::mt19937_64 random(seed);
    test::ScratchDirectory scratch;
    SqliteStore store(scratch.Path());

    std::string seen;
    std::size_t arrived = 0;
    std::size_t played = 0;
    std::size_t agreed = 0;
    // Some sites have nobody who meets the rarer ones.
    while ((played < wanted || (played < 4 * wanted && !NotMetIn(seen).empty())) && !HasFailure()) {
        const Site site = generator.MakeSite();
        store.Fill(site);
        const auto sessions = MakeSessions(site, generator, 50, random);
        const Outcome without = PlayWithoutService(site, store, sessions);
        const Outcome with = PlayWithService(site, store, sessions);
        for (std::size_t i = 0; i < sessions.size(); ++i, ++played) {
            if (with.replies[i] == without.replies[i]) {
                ++agreed;
            } else if (!HasFailure()) {
                ADD_FAILURE() << "session " << i << " in a site with\n"
                              << site.Described() << "without: " << without.replies[i]
                              << "\nwith:    " << with.replies[i];
            }
        }
        for (const std::string& reply : without.replies) seen += reply;
        arrived += without.arrived.size();
        EXPECT_EQ(with.arrived, without.arrived) << "in a site with\n" << site.Described();
    }
    std::printf("whole answer: %zu of %zu sessions agree, %zu copies arrived (seed %llu)\n", agreed,
                played, arrived, static_cast<unsigned long long>(seed));
    EXPECT_EQ(NotMetIn(seen), "") << "the sessions are too much alike to show anything";
    EXPECT_GT(arrived, played / 10);
}

TEST(WholeAnswerTest, HasTheTextsThatTheTablesHaveForSenders) {
    Site site;
    site.domains = {"example.com"};
    site.transport = {{"closed@example.com", "error:closed: write to us"},
                      {"later@example.com", "retry:4.7.15 moving"},
                      {"bad@example.com", "error:4.7.1 not now"},
                      {"none@example.com", "error:"},
                      {"wait@example.com", "retry:"}};
    site.relocated = {{"gone@example.com", "new@place.example"}};
    Session session(1);
    site.users = {"ann@example.com"};
    for (const char* const user : {"ann", "closed", "later", "bad", "none", "wait", "gone"})
        session[0].recipients.push_back(MakeRecipient(std::string(user) + "@example.com"));
    site.parameters["relocated_maps"] = "@relocated";
    test::ScratchDirectory scratch;
    SqliteStore store(scratch.Path());
    store.Fill(site);
    const std::string without = PlayWithoutService(site, store, {session}).replies.at(0);
    EXPECT_EQ(PlayWithService(site, store, {session}).replies.at(0), without);
    for (const char* text :
         {"closed: write to us", "4.7.15 moving", "5.7.1 not now", "5.1.6 User has moved to new@"})
        EXPECT_NE(without.find(text), without.npos) << text << " in " << without;
}

}  // namespace
}  // namespace policyd::agreement
