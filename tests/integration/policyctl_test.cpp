// What policyctl looks up, asks, resolves and shows.

#include <signal.h>

#include "common/config/config_file.hpp"
#include "common/usage/open_usage_store.hpp"
#include "tests/integration/policyctl_fixture.hpp"
#include "tests/support/mariadb_server.hpp"

namespace policyd {
namespace {

TEST_F(PolicyctlTest, LookupAnswersAndEndsAsPostmapDoes) {
    for (const char* key : {"ann@example.com", "Ann@Example.COM", "nobody@example.com", "@", "'"}) {
        const auto ours = Ctl({"lookup", "proxy:" + Sqlite("quotas"), key});
        const auto theirs = test::Run({"postmap", "-q", key, Sqlite("quotas")});
        EXPECT_EQ(ours.output, theirs.output) << key;
        EXPECT_EQ(ours.status, theirs.status) << key << ours.errors << theirs.errors;
    }
}

TEST_F(PolicyctlTest, LookupTellsAMistakeFromADataBaseThatIsAway) {
    Table("broken", "SELECT nothing FROM nowhere WHERE x='%s'");
    EXPECT_EQ(Ctl({"lookup", Sqlite("broken"), "a"}).status, 78);
    EXPECT_EQ(Ctl({"lookup", Sqlite("absent"), "a"}).status, 78);
    scratch_.Write("away.cf", "hosts = unix:" + Path("none.sock") +
                                  "\nuser = root\ndbname = mail\nquery = SELECT '%s'\n");
    EXPECT_EQ(Ctl({"lookup", "mysql:" + Path("away.cf"), "a"}).status, 75);
}

TEST_F(PolicyctlTest, EndsWithAMistakeWhereAServerDeniesARight) {
    test::MariaDbServer server;
    server.Execute(
        "CREATE DATABASE mail; CREATE TABLE mail.t (k TEXT); CREATE USER nobody@localhost; "
        "GRANT CREATE ON mail.* TO nobody@localhost");
    scratch_.Write("denied.cf", "hosts = " + server.Hosts() +
                                    "\nuser = nobody\ndbname = mail\n"
                                    "query = SELECT k FROM t WHERE k = '%s'\n");
    EXPECT_EQ(Ctl({"lookup", "mysql:" + Path("denied.cf"), "a"}).status, 78);
    scratch_.Write("policyd.toml",
                   Configuration() + "relay_domains = \"mysql:" + Path("denied.cf") + "\"\n");
    const auto resolved = WithConfig({"resolve", "ann@elsewhere.example"});
    EXPECT_EQ(resolved.status, 78);
    EXPECT_THAT(resolved.errors, HasSubstr("SELECT command denied to user 'nobody'"));
}

TEST_F(PolicyctlTest, AsksARunningServerWhatPostfixWouldAsk) {
    test::Process server({test::ProgramPath("policyd"), "--config", Path("policyd.toml")},
                         {.output = Path("policyd.log")});
    test::WaitUntil(
        "policyd to listen", [&] { return test::CanConnect(scratch_ / "policy.sock"); },
        Path("policyd.log"));
    const auto ask = [&](const std::string& client, const std::string& recipient,
                         const std::string& size) {
        const auto asked = WithConfig(
            {"ask", "--client-address", client, "--recipient", recipient, "--size", size});
        EXPECT_EQ(asked.status, 0) << asked.errors;
        return asked.output;
    };
    EXPECT_EQ(ask("192.0.2.1", "ann@example.com", "1000"), "DUNNO\n");
    EXPECT_EQ(ask("192.0.2.1", "info@example.com", "1001"), "552 5.2.2 Mailbox is full\n");
    EXPECT_EQ(ask("192.0.2.1", "bob@example.com", "1"), "550 5.1.1 User unknown\n");
    EXPECT_EQ(ask("192.0.2.2", "ann@example.com", "1"), "554 5.7.1 Not on the list\n");
    EXPECT_EQ(ask("192.0.2.1", "bob@elsewhere.example", "1"), "DUNNO\n");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0) << test::ReadFile(scratch_ / "policyd.log");
    EXPECT_EQ(WithConfig({"ask"}).status, 69);
}

TEST_F(PolicyctlTest, AsksAboutAUserWhoHasLoggedIn) {
    scratch_.Write("policyd.toml",
                   Configuration() + "client_access_permit_sasl_authenticated = true\n");
    test::Process server({test::ProgramPath("policyd"), "--config", Path("policyd.toml")},
                         {.output = Path("policyd.log")});
    test::WaitUntil(
        "policyd to listen", [&] { return test::CanConnect(scratch_ / "policy.sock"); },
        Path("policyd.log"));
    const auto ask = [&](const std::string& user, const std::string& size) {
        return WithConfig({"ask", "--client-address", "192.0.2.2", "--recipient", "ann@example.com",
                           "--size", size, "--sasl-username", user})
            .output;
    };
    EXPECT_EQ(ask("", "1"), "554 5.7.1 Not on the list\n");
    EXPECT_EQ(ask("bob", "1"), "DUNNO\n");
    EXPECT_EQ(ask("bob", "1001"), "552 5.2.2 Mailbox is full\n");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0) << test::ReadFile(scratch_ / "policyd.log");
}

TEST_F(PolicyctlTest, AskRefusesWhatItCannotSend) {
    const std::vector<std::vector<std::string>> mistakes = {{"--size", "abc"},
                                                            {"--recipient-count", "-1"},
                                                            {"--time-limit", "0"},
                                                            {"--time-limit", "soon"},
                                                            {"--server", "nowhere"}};
    for (const auto& mistake : mistakes) {
        const auto asked = WithConfig({"ask", mistake[0], mistake[1]});
        EXPECT_EQ(asked.status, 64) << mistake[1];
        EXPECT_THAT(asked.errors, HasSubstr("expected")) << mistake[1];
    }
    EXPECT_EQ(Ctl({"ask", "--config", Path("absent.toml")}).status, 78);
}

TEST_F(PolicyctlTest, WhatCannotBeWrittenIsNoSuccess) {
    const auto lost =
        test::Run({"sh", "-c", test::ProgramPath("policyctl") + " config sample >/dev/full"});
    EXPECT_EQ(lost.status, 70);
    EXPECT_THAT(lost.errors, HasSubstr("standard output"));
    for (const char* program : {"policyctl", "policyd", "policyd-scan", "policyd-load"}) {
        for (const char* option : {" --help", " --version"}) {
            const auto help =
                test::Run({"sh", "-c", test::ProgramPath(program) + option + " >/dev/full"});
            EXPECT_NE(help.status, 0) << program << option;
            EXPECT_THAT(help.errors, HasSubstr("standard output")) << program << option;
        }
    }
}

TEST_F(PolicyctlTest, EndsWithoutAWordWhereNobodyReadsIt) {
    for (const char* command : {"policyctl config sample", "policyctl --help", "policyd --help",
                                "policyd-scan --version", "policyd-load --help"}) {
        const auto ended = test::Run(
            {"bash", "-c",
             "exec 3> >(exec true); wait $!; " + test::ProgramPath(command) + " >&3; exit $?"});
        EXPECT_EQ(ended.status, 128 + SIGPIPE) << command;
        EXPECT_EQ(ended.errors, "") << command;
    }
}

TEST_F(PolicyctlTest, ResolveExplainsTheWayOfAnAddress) {
    const auto known = WithConfig({"resolve", "Info@example.com"});
    EXPECT_EQ(known.status, 0) << known.errors;
    EXPECT_EQ(known.output,
              "Info@example.com: known\n"
              "  mailbox ann@example.com: limit 1000 bytes, nothing known of its usage\n");
    EXPECT_EQ(WithConfig({"resolve", "bob@example.com"}).status, 1);
    EXPECT_EQ(WithConfig({"resolve", "bob@elsewhere.example"}).status, 1);
}

TEST_F(PolicyctlTest, ResolveTellsWhatBecomesOfRecipientsWithoutAMailbox) {
    EXPECT_EQ(WithConfig({"resolve", "all@example.com"}).output,
              "all@example.com: known\n"
              "  mailbox ann@example.com: limit 1000 bytes, nothing known of its usage\n"
              "  bob@example.com: bounces: there is no such mailbox\n"
              "  ann@elsewhere.example: goes by smtp:elsewhere.example, and has no quota here\n");
    EXPECT_THAT(WithConfig({"resolve", "empty@example.com"}).output,
                HasSubstr("Postfix refuses the message after its data, now and later"));
}

TEST_F(PolicyctlTest, ResolveTellsThatARelayHasRecipientsWhoseMailboxesNobodyKnowsHere) {
    const std::string front_end =
        "mydestination = []\nrelay_domains = \"example.com\"\n"
        "relay_transport = \"relay:[192.0.2.1]:24\"\n"
        "mailbox_transports = [\"virtual\", \"relay\"]\n"
        "usage_store = \"sqlite:" +
        Path("usage.sqlite") + "\"\n";
    const auto resolved = [&](const std::string& more) {
        scratch_.Write("policyd.toml", front_end + more);
        return WithConfig({"resolve", "bob@example.com"}).output;
    };
    EXPECT_EQ(resolved(""),
              "bob@example.com: known\n"
              "  bob@example.com: goes by relay:[192.0.2.1]:24, and has no quota here\n");
    EXPECT_EQ(resolved("virtual_mailbox_maps = \"" + Sqlite("users") + "\"\n"),
              "bob@example.com: known\n"
              "  bob@example.com: bounces: there is no such mailbox\n");
}

TEST_F(PolicyctlTest, ResolveTellsEveryLimit) {
    scratch_.Write("policyd.toml",
                   Configuration() +
                       "virtual_mailbox_message_limit_maps = \"inline:{ann@example.com=5}\"\n"
                       "virtual_domain_limit_maps = \"inline:{example.com=2000}\"\n");
    EXPECT_EQ(WithConfig({"resolve", "ann@example.com"}).output,
              "ann@example.com: known\n"
              "  mailbox ann@example.com: limit 1000 bytes and 5 messages, nothing known of its "
              "usage\n"
              "  all mailboxes of example.com: limit 2000 bytes, nothing known of their usage\n");
}

TEST_F(PolicyctlTest, UsageShowsWhatAScanHasMeasured) {
    scratch_.Write("vmail/example.com/ann/new/1.host,S=300", std::string(300, 'x'));
    std::filesystem::create_directories(scratch_ / "vmail/example.com/ann/cur");
    scratch_.Write("policyd.toml", Configuration() + "virtual_mailbox_base = \"" + Path("vmail") +
                                       "\"\nscan_state_file = \"" + Path("scan.state") + "\"\n");
    const auto scanned =
        test::Run({test::ProgramPath("policyd-scan"), "--config", Path("policyd.toml"), "--once"});
    ASSERT_EQ(scanned.status, 0) << scanned.errors;

    const auto all = WithConfig({"usage", "--all"});
    EXPECT_EQ(all.status, 0) << all.errors;
    EXPECT_THAT(all.output, HasSubstr("\nann@example.com\t300\t1\t0\t0\t20"));
    EXPECT_EQ(WithConfig({"usage", "nobody@example.com"}).status, 1);
    EXPECT_THAT(WithConfig({"resolve", "ann@example.com"}).output,
                HasSubstr("limit 1000 bytes, 300 bytes in 1 messages (30%"));
}

TEST_F(PolicyctlTest, UsageShowsWhatIsReservedInAMailboxUntilAScanDoesNotFindIt) {
    scratch_.Write("vmail/example.com/ann/new/1.host,S=300", std::string(300, 'x'));
    scratch_.Write("policyd.toml", Configuration() + "virtual_mailbox_base = \"" + Path("vmail") +
                                       "\"\nscan_state_file = \"" + Path("scan.state") + "\"\n");
    {
        async::EventLoop loop;
        const auto store =
            usage::OpenUsageStore(loop, config::LoadConfigFile(Path("policyd.toml")));
        usage::Reservation refused{"m1", 70, {{"new@example.com"}}};
        refused.needs = usage::Needs::kNoRoom;
        refused.age = 2 * usage::kReservationGrace;
        loop.RunUntilDone(store->Reserve(refused));
    }
    EXPECT_THAT(WithConfig({"usage", "--all"}).output,
                testing::EndsWith("\nnew@example.com\t0\t0\t70\t1\tnever\n"));

    const auto scanned =
        test::Run({test::ProgramPath("policyd-scan"), "--config", Path("policyd.toml"), "--once"});
    ASSERT_EQ(scanned.status, 0) << scanned.errors;

    const auto all = WithConfig({"usage", "--all"});
    EXPECT_EQ(all.status, 0) << all.errors;
    EXPECT_THAT(all.output, Not(HasSubstr("new@example.com")));
    EXPECT_THAT(all.output, HasSubstr("\nann@example.com\t300\t1\t0\t0\t20"));
}

TEST_F(PolicyctlTest, AsksMysqlAtLocalhostOverTheSocketAsPostfixDoes) {
    const test::MariaDbServer server;
    scratch_.Write("my.cnf", "[client]\nsocket = " + server.Socket().string() + "\n");
    for (const char* hosts : {"localhost", "inet:localhost", ""}) {
        scratch_.Write("mysql.cf", "hosts = " + std::string(hosts) +
                                       "\noption_file = " + Path("my.cnf") +
                                       "\nuser = root\ndbname = mysql\nquery = SELECT '%s'\n");
        const auto found = Ctl({"lookup", "mysql:" + Path("mysql.cf"), "joe"});
        EXPECT_EQ(found.output, "joe\n") << hosts << found.errors;
    }
}

}  // namespace
}  // namespace policyd
