// Real back ends, broken for real, one after the other: whatever fails, every request gets an
// answer within its time, no outage becomes a permanent refusal, what does not need the broken part
// goes on, and recovery is noticed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <sstream>

#include "tests/integration/small_site.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kBudget{1'000};
/// The budget, and what a busy machine and the sanitizers add. Postfix would wait for 100 s.
constexpr milliseconds kLongestAnswer = kBudget + milliseconds(4'000);

const char* const kFull = "full@example.com";
const char* const kJoe = "joe@example.com";
const char* const kNobody = "nobody@example.com";

/// A site whose mailboxes are in MariaDB and whose usage is in Redis; joe and the full mailbox
/// have a quota of 1000 bytes.
class FaultMatrixTest : public testing::Test {
protected:
    FaultMatrixTest() {
        database_.Execute("CREATE DATABASE mail");
        database_.Execute(
            "CREATE TABLE users (email VARCHAR(200) PRIMARY KEY, quota BIGINT);"
            "INSERT INTO users VALUES ('joe@example.com', 1000), ('full@example.com', 1000);"
            "CREATE USER postfix@localhost IDENTIFIED BY 'toto';"
            "GRANT SELECT ON mail.* TO postfix@localhost",
            "mail");
        WriteTable("mailboxes", "SELECT email FROM users WHERE email='%s'");
        WriteTable("quota", "SELECT quota FROM users WHERE email='%s'");
        site_.Write(options_);
    }

    void Start() {
        policyd_ = std::make_unique<PolicydProcess>(site_.Config(), site_.Socket());
        client_ = std::make_unique<PolicyClient>(site_.Socket());
        WaitUntilFull();
        ExpectAllWell();
    }

    /// Accepts a message that fills a mailbox, until it is counted.
    void WaitUntilFull() {
        WaitUntil("the mailbox to be full", [this] {
            PolicyClient postfix(site_.Socket());
            for (const char* state : {"RCPT", "END-OF-MESSAGE"})
                postfix.Ask(RequestText({{"protocol_state", state},
                                         {"recipient", kFull},
                                         {"recipient_count", "1"},
                                         {"size", "900"},
                                         {"instance", "filling"}}));
            return Ask(kFull, 900).starts_with("552 ");
        });
    }

    void WriteTable(const std::string& name, const std::string& query,
                    const std::string& password = "toto") {
        const std::string path =
            site_.Directory()
                .Write(name + ".cf", "hosts = " + database_.Hosts() +
                                         "\nuser = postfix\npassword = " + password +
                                         "\ndbname = mail\nquery = " + query + "\n")
                .string();
        options_[name == "quota" ? "virtual_mailbox_limit_maps" : "virtual_mailbox_maps"] =
            SmallSite::Quoted("mysql:" + path);
    }

    /// Asks at RCPT, within the time that every answer must keep to.
    std::string Ask(const std::string& recipient, std::uint64_t size = 100,
                    const std::string& instance = "") {
        const auto began = Clock::now();
        const std::string action = client_->Ask(RequestText({{"recipient", recipient},
                                                             {"sender", "a@elsewhere.example"},
                                                             {"client_address", "192.0.2.1"},
                                                             {"size", std::to_string(size)},
                                                             {"instance", instance}}));
        EXPECT_LT(Clock::now() - began, kLongestAnswer);
        return action;
    }

    void ExpectAllWell() {
        EXPECT_EQ(Ask(kJoe), "DUNNO");
        EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
        EXPECT_THAT(Ask(kFull, 900), StartsWith("552 5.2.2 "));
    }

    /// While tables cannot be asked: nothing is refused for good, and what was decided without
    /// tables still is.
    void ExpectTableOutage(int questions = 5) {
        for (int i = 0; i < questions; ++i)
            for (const char* recipient : {kJoe, kNobody, kFull})
                EXPECT_THAT(Ask(recipient), StartsWith("DEFER_IF_PERMIT 4.3.0 "));
        ExpectClientsAreStillRefused();
    }

    /// While the usage store cannot be asked: recipients are still checked, and a full mailbox is
    /// no reason for a refusal.
    void ExpectStoreOutage(int questions = 5) {
        for (int i = 0; i < questions; ++i) {
            EXPECT_EQ(Ask(kJoe), "DUNNO");
            EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
            EXPECT_EQ(Ask(kFull, 900), "DUNNO");
        }
        ExpectClientsAreStillRefused();
    }

    void ExpectClientsAreStillRefused() {
        EXPECT_THAT(
            client_->Ask(RequestText({{"recipient", kJoe}, {"client_address", "203.0.113.9"}})),
            StartsWith("554 5.7.1 "));
    }

    void WaitForRecovery() {
        WaitUntil("recovery", [this] { return Ask(kNobody).starts_with("550 5.1.1 "); });
        WaitUntil("recovery", [this] { return Ask(kFull, 900).starts_with("552 5.2.2 "); });
        ExpectAllWell();
        WaitUntil("/health to be ready",
                  [this] { return Ask(kJoe) == "DUNNO" && Health() == "ready\n"; });
    }

    std::string Health() const { return HttpGet(site_.MetricsPort(), "/health").body; }

    std::size_t LinesWith(const std::string& text) const {
        const std::string output = policyd_->Output();
        std::size_t count = 0;
        for (auto at = output.find(text); at != std::string::npos; at = output.find(text, at + 1))
            ++count;
        return count;
    }

    MariaDbServer database_;
    RedisServer redis_;
    SmallSite site_;
    SmallSite::Options options_{
        {"usage_store", SmallSite::Quoted("redis:" + redis_.UnixEndpoint().ToText())},
        {"client_access_maps", SmallSite::Quoted("inline:{ {203.0.113.9 = 554 5.7.1 Go away} }")},
        {"request_time_limit", SmallSite::Quoted(std::to_string(kBudget.count()) + "ms")},
        {"mysql_time_limit", SmallSite::Quoted("500ms")},
        {"redis_time_limit", SmallSite::Quoted("300ms")},
        {"stale_time", SmallSite::Quoted("0s")}};
    std::unique_ptr<PolicydProcess> policyd_;
    std::unique_ptr<PolicyClient> client_;
};

TEST_F(FaultMatrixTest, MySqlIsDownAndComesBack) {
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

TEST_F(FaultMatrixTest, MySqlHangsAndGoesOn) {
    Start();
    database_.Pause();
    ExpectTableOutage();
    EXPECT_THAT(Health(), StartsWith("degraded\nmysql:"));
    database_.Resume();
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, MySqlIsDownFromTheStart) {
    database_.Stop();
    policyd_ = std::make_unique<PolicydProcess>(site_.Config(), site_.Socket());
    client_ = std::make_unique<PolicyClient>(site_.Socket());
    EXPECT_THAT(Ask(kJoe), StartsWith("DEFER_IF_PERMIT 4.3.0 "));
    database_.Start();
    WaitUntil("recovery", [this] { return Ask(kNobody).starts_with("550 5.1.1 "); });
}

TEST_F(FaultMatrixTest, EveryConnectionToMySqlIsKilledAndNobodyNotices) {
    Start();
    for (int i = 0; i < 3; ++i) {
        const std::string sessions =
            database_.Execute("SELECT id FROM information_schema.processlist WHERE user='postfix'");
        std::istringstream ids(sessions);
        for (std::string id; ids >> id;) database_.Execute("KILL " + id);
        ExpectAllWell();
    }
}

TEST_F(FaultMatrixTest, ATableIsGoneAndComesBack) {
    Start();
    database_.Execute("RENAME TABLE users TO elsewhere", "mail");
    ExpectTableOutage();
    EXPECT_THAT(policyd_->Output(), HasSubstr("mailboxes.cf")) << "which query it is";
    EXPECT_EQ(Health(), "ready\n") << "a server that answers is not down";
    database_.Execute("RENAME TABLE elsewhere TO users", "mail");
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, AColumnIsGoneAndComesBack) {
    Start();
    database_.Execute("ALTER TABLE users CHANGE quota room BIGINT", "mail");
    EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 ")) << "needs another column";
    EXPECT_THAT(Ask(kJoe), Not(StartsWith("5")));
    database_.Execute("ALTER TABLE users CHANGE room quota BIGINT", "mail");
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, ThePasswordIsChangedAndChangedBack) {
    Start();
    database_.Execute("ALTER USER postfix@localhost IDENTIFIED BY 'another'");
    database_.Stop();
    database_.Start();
    ExpectTableOutage();
    EXPECT_THAT(policyd_->Output(), Not(HasSubstr("toto"))) << "no secret in the log";
    database_.Execute("ALTER USER postfix@localhost IDENTIFIED BY 'toto'");
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, AValueThatMakesNoSenseHurtsNobodyElse) {
    Start();
    for (const char* recipient :
         {"\xff\xfe@example.com", "j\xc3\xb6@example.com", "a'b\"c\\@example.com"})
        for (int i = 0; i < 5; ++i) EXPECT_FALSE(Ask(recipient).empty());
    ExpectAllWell();
    EXPECT_EQ(Health(), "ready\n");
}

TEST_F(FaultMatrixTest, WhatIsRememberedBridgesAnOutageOfMySql) {
    options_["stale_time"] = SmallSite::Quoted("1h");
    options_["recipient_cache_time"] = SmallSite::Quoted("1ms");
    options_["unknown_recipient_cache_time"] = SmallSite::Quoted("1ms");
    site_.Write(options_);
    Start();
    database_.Stop();
    for (int i = 0; i < 5; ++i) ExpectAllWell();
    EXPECT_THAT(Ask("new@example.com"), StartsWith("DEFER_IF_PERMIT 4.3.0 "));
    WaitUntil("the metrics", [this] {
        return site_.Metric("policyd_recipient_lookups_total{result=\"stale\"}") >= 10;
    });
}

TEST_F(FaultMatrixTest, RedisIsKilledAndComesBack) {
    Start();
    redis_.Stop(SIGKILL);
    ExpectStoreOutage(20);
    EXPECT_THAT(Health(), StartsWith("degraded\nredis:"));
    redis_.Start();
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, RedisHangsAndGoesOn) {
    Start();
    redis_.Pause();
    ExpectStoreOutage();
    redis_.Resume();
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, RedisIsDownFromTheStart) {
    redis_.Stop(SIGTERM);
    policyd_ = std::make_unique<PolicydProcess>(site_.Config(), site_.Socket());
    client_ = std::make_unique<PolicyClient>(site_.Socket());
    ExpectStoreOutage(1);
    redis_.Start();
    WaitUntilFull();
}

TEST_F(FaultMatrixTest, RedisHasNoMemoryLeft) {
    Start();
    redis_.Command({"CONFIG", "SET", "maxmemory", "1"});
    EXPECT_EQ(Ask(kJoe, 100, "out of memory"), "DUNNO");
    EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
    redis_.Command({"CONFIG", "SET", "maxmemory", "0"});
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, RedisBecomesAReplicaAndAMasterAgain) {
    Start();
    redis_.Command({"REPLICAOF", "127.0.0.1", "1"});
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(Ask(kJoe, 100, "read only " + std::to_string(i)), "DUNNO");
        EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
    }
    redis_.Command({"REPLICAOF", "NO", "ONE"});
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, RedisLosesItsDataAndMailFlows) {
    Start();
    redis_.Command({"FLUSHALL"});
    EXPECT_EQ(Ask(kJoe), "DUNNO");
    EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
    EXPECT_THAT(Ask(kFull, 900), Not(StartsWith("4")));
}

TEST_F(FaultMatrixTest, RedisWantsAPasswordAllOfASudden) {
    Start();
    redis_.Command({"CONFIG", "SET", "requirepass", "secret"});
    redis_.Command(
        {"-a", "secret", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    ExpectStoreOutage();
    redis_.Command({"-a", "secret", "--no-auth-warning", "CONFIG", "SET", "requirepass", ""});
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, BothAreDown) {
    Start();
    database_.Stop();
    redis_.Stop(SIGKILL);
    ExpectTableOutage();
    redis_.Start();
    database_.Start();
    WaitForRecovery();
}

TEST_F(FaultMatrixTest, TheDiskIsFullForTheLog) {
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
