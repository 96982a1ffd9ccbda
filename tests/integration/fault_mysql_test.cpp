// MySQL fails in every way it knows: see fault_matrix.hpp for what is to hold all the while.

#include <fstream>
#include <list>

#include "common/mysql/session.hpp"
#include "tests/integration/fault_matrix.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/silent_server.hpp"

namespace policyd::test {
namespace {

using FaultMysqlTest = FaultMatrix;

TEST_F(FaultMysqlTest, MySqlIsDownAndComesBack) {
    Start();
    database_.Stop();
    ExpectTableOutage(20);
    EXPECT_THAT(Health(), StartsWith("degraded\nmysql:"));
    EXPECT_GE(site_.Metric("policyd_check_failures_total{check=\"recipient\",cause=\"table\"}"),
              20);
    EXPECT_EQ(LinesWith("unavailable: recipient:"), 1u) << "once, however often it fails";
    database_.Start();
    WaitForRecovery();
    policyd_->WaitForOutput("back again: mysql:");
}

TEST_F(FaultMysqlTest, MySqlHangsAndGoesOn) {
    Start();
    database_.Pause();
    ExpectTableOutage();
    EXPECT_THAT(Health(), StartsWith("degraded\nmysql:"));
    database_.Resume();
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, PolicyctlSaysSoWhileMySqlHangs) {
    Start();
    database_.Pause();
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{"resolve", kJoe}, {"check-config"}}) {
        std::vector<std::string> arguments{ProgramPath("policyctl")};
        arguments.insert(arguments.end(), command.begin(), command.end());
        arguments.insert(arguments.end(), {"--config", site_.Config().string()});
        EXPECT_EQ(test::Run(arguments).status, 75) << command.front();
    }
    database_.Resume();
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, MySqlIsDownFromTheStart) {
    database_.Stop();
    policyd_ = std::make_unique<PolicydProcess>(site_.Config(), site_.Socket());
    client_ = std::make_unique<PolicyClient>(site_.Socket());
    EXPECT_THAT(Ask(kJoe), StartsWith("DEFER_IF_PERMIT 4.3.0 "));
    database_.Start();
    WaitUntil("recovery", [this] { return Ask(kNobody).starts_with("550 5.1.1 "); });
}

TEST_F(FaultMysqlTest, EveryConnectionToMySqlIsKilledAndNobodyNotices) {
    Start();
    for (int i = 0; i < 3; ++i) {
        database_.Execute("KILL USER postfix");
        ExpectAllWell();
    }
}

TEST_F(FaultMysqlTest, ATableIsGoneAndComesBack) {
    Start();
    database_.Execute("RENAME TABLE users TO elsewhere", "mail");
    ExpectTableOutage();
    EXPECT_THAT(policyd_->Output(), HasSubstr("mailboxes.cf")) << "which query it is";
    EXPECT_EQ(Health(), "ready\n") << "a server that answers is not down";
    database_.Execute("RENAME TABLE elsewhere TO users", "mail");
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, AColumnIsGoneAndComesBack) {
    Start();
    database_.Execute("ALTER TABLE users CHANGE quota room BIGINT", "mail");
    EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 ")) << "needs another column";
    EXPECT_THAT(Ask(kJoe), Not(StartsWith("5")));
    database_.Execute("ALTER TABLE users CHANGE room quota BIGINT", "mail");
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, ThePasswordIsChangedAndChangedBack) {
    Start();
    database_.Execute("ALTER USER postfix@localhost IDENTIFIED BY 'another'");
    database_.Stop();
    database_.Start();
    ExpectTableOutage();
    EXPECT_THAT(policyd_->Output(), Not(HasSubstr("toto"))) << "no secret in the log";
    database_.Execute("ALTER USER postfix@localhost IDENTIFIED BY 'toto'");
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, AValueThatMakesNoSenseHurtsNobodyElse) {
    Start();
    for (const char* recipient :
         {"\xff\xfe@example.com", "j\xc3\xb6@example.com", "a'b\"c\\@example.com"})
        for (int i = 0; i < 5; ++i) EXPECT_FALSE(Ask(recipient).empty());
    ExpectAllWell();
    EXPECT_EQ(Health(), "ready\n");
}

TEST_F(FaultMysqlTest, WhatIsRememberedBridgesAnOutageOfMySql) {
    options_["stale_time"] = SmallSite::Quoted("1h");
    site_.Write(options_);
    Start();
    database_.Stop();
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(Ask(kJoe), "DUNNO");
        EXPECT_THAT(Ask(kFull, 900), StartsWith("452 4.2.2 ")) << "may have a larger limit since";
        EXPECT_THAT(Ask(kNobody), StartsWith("DEFER_IF_PERMIT 4.3.0 "))
            << "may have got a mailbox since";
    }
    EXPECT_THAT(Ask("new@example.com"), StartsWith("DEFER_IF_PERMIT 4.3.0 "));
    WaitUntil("the metrics", [this] {
        return site_.Metric("policyd_recipient_lookups_total{result=\"stale\"}") >= 10;
    });
}

TEST_F(FaultMysqlTest, WhatIsRememberedServesAlsoWhileMySqlHangs) {
    options_["stale_time"] = SmallSite::Quoted("1h");
    site_.Write(options_);
    Start();
    database_.Pause();
    for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(kJoe), "DUNNO");
}

TEST_F(FaultMysqlTest, ARequestThatIsBeingDecidedIsAnsweredBeforeTheEnd) {
    Start();
    database_.Execute("UPDATE slowness SET seconds = 0.3", "mail");
    const double before = site_.Metric("policyd_requests_total{stage=\"RCPT\"}");
    client_->Send(RequestText({{"recipient", kJoe}}));
    WaitUntil("the request to be read",
              [&] { return site_.Metric("policyd_requests_total{stage=\"RCPT\"}") > before; });
    policyd_->Signal(SIGTERM);
    EXPECT_EQ(client_->Receive(), "DUNNO");
    client_->ExpectClosed();
    EXPECT_EQ(policyd_->Stop(), 0);
}

TEST_F(FaultMysqlTest, EveryQueryIsSlowAndThenNoneIs) {
    Start();
    database_.Execute("UPDATE slowness SET seconds = 20", "mail");
    for (int i = 0; i < 5; ++i) EXPECT_THAT(Ask(kJoe), StartsWith("DEFER_IF_PERMIT 4.3.0 "));
    ExpectClientsAreStillRefused();
    database_.Execute("UPDATE slowness SET seconds = 0", "mail");
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, ADecisionThatOutlivesItsConnectionEndsAlone) {
    options_["request_time_limit"] = SmallSite::Quoted("200ms");
    options_["mysql_time_limit"] = SmallSite::Quoted("10s");
    site_.Write(options_);
    Start();
    database_.Execute("UPDATE slowness SET seconds = 1", "mail");
    for (const char* instance : {"1", "2", "3"}) {
        PolicyClient postfix(site_.Socket());
        EXPECT_THAT(postfix.Ask(RequestText({{"protocol_state", "RCPT"},
                                             {"recipient", kJoe},
                                             {"size", "100"},
                                             {"instance", instance}})),
                    StartsWith("DEFER_IF_PERMIT 4.3.0 "));
    }
    policyd_->Signal(SIGTERM);
    EXPECT_EQ(policyd_->Wait(), 0);
}

TEST_F(FaultMysqlTest, TheRightToReadIsTakenAwayAndGivenBack) {
    Start();
    database_.Execute("REVOKE SELECT ON mail.* FROM postfix@localhost; KILL USER postfix");
    ExpectTableOutage();
    database_.Execute("GRANT SELECT ON mail.* TO postfix@localhost");
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, ARightToTheDataBaseIsSeenByConnectionsThatAreBusyWithOtherTables) {
    Start();
    database_.Execute(
        "REVOKE SELECT ON mail.* FROM postfix@localhost;"
        "GRANT SELECT ON mail.slowness TO postfix@localhost;"
        "GRANT SELECT (email) ON mail.users TO postfix@localhost; KILL USER postfix");
    const auto ask_all = [this] {
        EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 ")) << "nobody has a quota to be read";
        return Ask(kFull, 900);
    };
    for (int i = 0; i < 50; ++i) EXPECT_THAT(ask_all(), StartsWith("DEFER_IF_PERMIT 4.3.0 "));
    database_.Execute("GRANT SELECT ON mail.* TO postfix@localhost");
    const auto granted = Clock::now();
    WaitUntil("the right to be seen", [&] { return ask_all().starts_with("552 5.2.2 "); });
    for (int i = 0; i < 50; ++i) ask_all();
    EXPECT_LT(Clock::now() - granted, std::chrono::seconds(5));
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, OthersTakeEveryConnection) {
    constexpr int kFewestConnections = 10;  // that MariaDB can be told
    Start();
    database_.Execute("CREATE OR REPLACE USER other@localhost; SET GLOBAL max_connections = " +
                      std::to_string(kFewestConnections) + "; KILL USER postfix");
    mysql::Account account;
    account.servers.push_back(mysql::ParseServer(database_.Hosts()));
    account.user = "other";
    account.time_limit = std::chrono::seconds(5);
    std::list<mysql::Session> others;
    // One more than the limit is for an administrator.
    const auto take_all = [&] {
        try {
            for (;;) others.emplace_back(account, account.servers.front());
        } catch (const mysql::Error& error) {
            EXPECT_EQ(error.Code(), 1040) << error.what();
        }
    };
    take_all();
    EXPECT_GE(others.size(), 5u);
    ExpectTableOutage();
    others.clear();
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, AUserWithFewerConnectionsThanAreWantedIsServedOverThese) {
    database_.Execute("GRANT USAGE ON *.* TO postfix@localhost WITH MAX_USER_CONNECTIONS 2");
    Start();
    database_.Execute("UPDATE slowness SET seconds = 0.005", "mail");
    std::list<PolicyClient> clients;
    for (int i = 0; i < 8; ++i) clients.emplace_back(site_.Socket());
    for (int round = 0; round < 20; ++round) {
        int number = 0;
        for (PolicyClient& client : clients) {
            const std::string nobody = "nobody" + std::to_string(number++) + "@example.com";
            client.Send(RequestText({{"recipient", nobody}}));
        }
        for (PolicyClient& client : clients)
            EXPECT_THAT(client.Receive(), testing::Optional(StartsWith("550 5.1.1 ")));
    }
    EXPECT_EQ(Health(), "ready\n");
    EXPECT_EQ(LinesWith("the 4 of mysql_connections"), 1u);
    EXPECT_EQ(LinesWith("unavailable:"), 0u);
}

TEST_F(FaultMysqlTest, ALimitBecomesNonsenseAndANumberAgain) {
    Start();
    database_.Execute("ALTER TABLE users MODIFY quota VARCHAR(20); UPDATE users SET quota='much'",
                      "mail");
    EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
    EXPECT_THAT(Ask(kJoe), Not(StartsWith("5")));
    EXPECT_THAT(Ask(kFull, 900), Not(StartsWith("5")));
    database_.Execute("UPDATE users SET quota='1000'", "mail");
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, AFirewallDropsEverythingAndLetsItThroughAgain) {
    Gate gate(database_.Port());
    UseHosts("inet:127.0.0.1:" + std::to_string(gate.Port()));
    Start();
    gate.Hold();
    ExpectTableOutage();
    gate.Release();
    WaitForRecovery();
    gate.Reset();
    ExpectAllWell();
}

TEST_F(FaultMysqlTest, TheOtherServerIsAskedWhileOneHangs) {
    Gate first(database_.Port());
    Gate second(database_.Port());
    UseHosts("inet:127.0.0.1:" + std::to_string(first.Port()) +
             " inet:127.0.0.1:" + std::to_string(second.Port()));
    Start();
    for (Gate* gate : {&first, &second, &first}) {
        gate->Hold();
        const auto all_well = [this] {
            return Ask(kNobody).starts_with("550 5.1.1 ") &&
                   Ask(kFull, 900).starts_with("552 5.2.2 ");
        };
        WaitUntil("the other server to be asked", all_well);
        for (int i = 0; i < 5; ++i) ExpectAllWell();
        gate->Release();
    }
}

TEST_F(FaultMysqlTest, TheFirstQuestionsAreAnsweredWhileOneOfTheServersIsPoweredOff) {
    const SilentServer silent;
    UseHosts("inet:127.0.0.1:" + std::to_string(silent.Port()) +
             " inet:127.0.0.1:" + std::to_string(database_.Port()));
    // Which of the two a connection is first made to is drawn by lot, and remembered if it failed.
    for (int i = 0; i < 8; ++i) {
        policyd_.reset();  // whose socket the next one has as well
        Start();
        ExpectAllWell();
        EXPECT_EQ(Health(), "ready\n");
    }
}

TEST_F(FaultMysqlTest, AServerThatIsBackIsNoticedWhileTheOtherOneAnswers) {
    options_["mysql_time_limit"] = SmallSite::Quoted("3s");
    options_["request_time_limit"] = SmallSite::Quoted("4s");
    Gate gate(database_.Port());
    const std::string gated = "inet:127.0.0.1:" + std::to_string(gate.Port());
    // Longer than what has failed may not have failed for to be back.
    UseHosts(gated + " inet:127.0.0.1:" + std::to_string(database_.Port()) +
             "\nretry_interval = 11");
    gate.Hold();
    policyd_ = std::make_unique<PolicydProcess>(site_.Config(), site_.Socket());
    client_ = std::make_unique<PolicyClient>(site_.Socket());
    WaitUntil("the gate to be tried", [&] {
        database_.Execute("KILL USER postfix");
        EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
        return LinesWith("unavailable: mysql server " + gated) == 1;
    });
    gate.Release();
    WaitUntil("the gate to be looked at", [&] {
        EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
        return LinesWith("back again: mysql server " + gated) == 1;
    });
}

TEST_F(FaultMysqlTest, AReloadDuringAnOutageIsTakenOver) {
    Start();
    database_.Stop();
    options_["unknown_recipient_action"] = SmallSite::Quoted("550 5.1.1 Never heard of");
    site_.Write(options_);
    policyd_->Signal(SIGHUP);
    policyd_->WaitForOutput("reloaded: ");
    ExpectTableOutage();
    database_.Start();
    WaitForRecovery();
    EXPECT_EQ(Ask(kNobody), "550 5.1.1 Never heard of");
}

TEST_F(FaultMysqlTest, AReloadLeavesTheOldStateWhereTheServerRefusesWhatANewTableAsks) {
    Start();
    const auto reload = [this] {
        return test::Run({ProgramPath("policyctl"), "reload", "--socket",
                          "unix:" + site_.ControlSocket().string()});
    };
    const std::string good = "SELECT email FROM users WHERE email='%s'";
    WriteTable("mailboxes", "SELECT email FROM mailboxes WHERE email='%s'", database_.Hosts());
    const Finished no_such_table = reload();
    EXPECT_EQ(no_such_table.status, 78);
    EXPECT_THAT(no_such_table.errors, HasSubstr("mailboxes.cf"));
    ExpectAllWell();

    WriteTable("mailboxes", good, database_.Hosts());
    const auto file = site_.Directory() / "mailboxes.cf";
    std::string text = ReadFile(file);
    text.replace(text.find("toto"), 4, "wrong");
    std::ofstream(file) << text;
    const Finished no_such_password = reload();
    EXPECT_EQ(no_such_password.status, 78);
    EXPECT_THAT(no_such_password.errors, HasSubstr("Access denied"));
    EXPECT_THAT(no_such_password.errors, Not(HasSubstr("wrong")));
    const Finished check =
        test::Run({ProgramPath("policyctl"), "check-config", "--config", site_.Config().string()});
    EXPECT_EQ(check.status, 78) << check.output;
    EXPECT_THAT(check.output, Not(HasSubstr("unreachable: ")));
    ExpectAllWell();
    EXPECT_EQ(LinesWith("unavailable: "), 0u) << "nothing that is in force is";
}

TEST_F(FaultMysqlTest, AReloadWithNewTablesIsTakenOverWhileTheServerHangs) {
    Start();
    database_.Pause();
    WriteTable("mailboxes", "SELECT email FROM users WHERE email='%s'", database_.Hosts());
    WriteTable("quota", "SELECT quota FROM users WHERE email='%s'", database_.Hosts());
    policyd_->Signal(SIGHUP);
    policyd_->WaitForOutput("reloaded: ");
    ExpectTableOutage();
    database_.Resume();
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, AReloadMendsOneTableThoughAnotherIsRefusedAsBefore) {
    Start();
    database_.Execute("RENAME TABLE users TO elsewhere", "mail");
    WriteTable("mailboxes", "SELECT email FROM elsewhere WHERE email='%s'", database_.Hosts());
    const Finished reload = test::Run(
        {ProgramPath("policyctl"), "reload", "--socket", "unix:" + site_.ControlSocket().string()});
    EXPECT_EQ(reload.status, 0) << reload.errors;
    EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
    EXPECT_THAT(Ask(kFull, 900), StartsWith("DEFER_IF_PERMIT 4.3.0 ")) << "its limit is elsewhere";
    database_.Execute("RENAME TABLE elsewhere TO users", "mail");
}

// Log rotation sends SIGHUP at any time.
TEST_F(FaultMysqlTest, AReloadDuringAnOutageLeavesWhatIsRememberedOfTheSameTables) {
    options_["stale_time"] = SmallSite::Quoted("1h");
    site_.Write(options_);
    const auto file = site_.Directory() / "quota.cf";
    ASSERT_TRUE(std::filesystem::exists(file));
    WaitUntil("the files to be of before", [&] {
        return std::filesystem::last_write_time(file) <
               std::filesystem::file_time_type::clock::now() - std::chrono::seconds(3);
    });
    Start();
    database_.Stop();
    int reloads = 0;
    const auto reload_with = [&](const std::string& option, const std::string& value) {
        options_[option] = SmallSite::Quoted(value);
        site_.Write(options_);
        policyd_->Signal(SIGHUP);
        ++reloads;
        WaitUntil("the reload", [&] {
            return site_.Metric("policyd_reloads_total{result=\"success\"}") == reloads;
        });
    };
    EXPECT_EQ(Ask(kJoe), "DUNNO");
    reload_with("stale_time", "1h");
    policyd_->WaitForOutput("nothing has changed");
    EXPECT_EQ(Ask(kJoe), "DUNNO");
    reload_with("mailbox_full_action", "552 5.2.2 Full");
    EXPECT_EQ(Ask(kJoe), "DUNNO");
    reload_with("recipient_delimiter", "-");
    EXPECT_THAT(Ask(kJoe), StartsWith("DEFER_IF_PERMIT 4.3.0 ")) << "he may be somebody else now";
}

TEST_F(FaultMysqlTest, EachCheckAnswersAnOutageInItsOwnWay) {
    options_["recipient_failure_action"] = SmallSite::Quoted("DUNNO");
    options_["mailbox_quota_failure_action"] = SmallSite::Quoted("stale 1h, then 451 4.3.0 Later");
    site_.Write(options_);
    Start();
    database_.Stop();
    for (int i = 0; i < 5; ++i) {
        EXPECT_THAT(Ask(kFull, 900), StartsWith("452 4.2.2 ")) << "as is remembered of its limit";
        EXPECT_EQ(Ask(kNobody), "451 4.3.0 Later");
    }
    options_["mailbox_quota_failure_action"] = SmallSite::Quoted("defer");
    options_["recipient_failure_action"] = SmallSite::Quoted("stale 1h, then 451 4.3.0 Later");
    site_.Write(options_);
    policyd_->Signal(SIGHUP);
    policyd_->WaitForOutput("reloaded: ");
    EXPECT_EQ(Ask("asked-for-the-first-time@example.com"), "451 4.3.0 Later");
}

TEST_F(FaultMysqlTest, AChangeTakesEffectWithinTheTimesOfTheCache) {
    // Long enough for a slow machine to change the row meanwhile.
    options_["recipient_cache_time"] = SmallSite::Quoted("8s");
    options_["unknown_recipient_cache_time"] = SmallSite::Quoted("300ms");
    site_.Write(options_);
    Start();
    database_.Execute("UPDATE users SET email='new@example.com' WHERE email='joe@example.com'",
                      "mail");
    EXPECT_EQ(Ask(kJoe), "DUNNO") << "is remembered";
    WaitUntil("joe to be unknown", [this] { return Ask(kJoe).starts_with("550 "); });
    EXPECT_EQ(Ask("new@example.com"), "DUNNO");
    database_.Execute("UPDATE users SET email='joe@example.com' WHERE email='new@example.com'",
                      "mail");
    WaitUntil("joe to be known", [this] { return Ask(kJoe) == "DUNNO"; });
}

TEST_F(FaultMysqlTest, TheTableOfClientsIsGoneAndRecipientsAreChecked) {
    database_.Execute(
        "CREATE TABLE clients (name VARCHAR(200), action VARCHAR(200));"
        "INSERT INTO clients VALUES ('203.0.113.9', '554 5.7.1 Go away')",
        "mail");
    WriteTable("clients", "SELECT action FROM clients WHERE name='%s'", database_.Hosts());
    options_["client_access_failure_action"] = SmallSite::Quoted("DUNNO");
    site_.Write(options_);
    Start();
    ExpectClientsAreStillRefused();
    database_.Execute("DROP TABLE clients", "mail");
    for (int i = 0; i < 5; ++i) ExpectAllWell();
}

TEST_F(FaultMysqlTest, TablesAndUsageStoreAreDownAtOnceAndComeBack) {
    Start();
    database_.Stop();
    redis_.Stop(SIGKILL);
    ExpectTableOutage();
    redis_.Start();
    database_.Start();
    WaitForRecovery();
}

TEST_F(FaultMysqlTest, TheDiskIsFullForTheLog) {
    options_["log_destination"] = SmallSite::Quoted("file:/dev/full");
    options_["log_level"] = SmallSite::Quoted("debug");
    site_.Write(options_);
    Start();
    database_.Stop();
    ExpectTableOutage();
    WaitUntil("the lost lines to be counted",
              [this] { return site_.Metric("policyd_log_lines_lost_total") > 0; });
    database_.Start();
    WaitForRecovery();
}

}  // namespace
}  // namespace policyd::test
