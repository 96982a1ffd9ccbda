#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/config/config_file.hpp"
#include "common/usage/open_usage_store.hpp"
#include "tests/integration/small_site.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::test {

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
class FaultMatrix : public testing::Test {
protected:
    FaultMatrix() {
        database_.MakeSound();
        database_.Execute("CREATE OR REPLACE DATABASE mail");
        // slowness: for how many seconds a look-up of a mailbox sleeps.
        database_.Execute(
            "CREATE TABLE users (email VARCHAR(200) PRIMARY KEY, quota BIGINT);"
            "INSERT INTO users VALUES ('joe@example.com', 1000), ('full@example.com', 1000);"
            "CREATE TABLE slowness (seconds DOUBLE); INSERT INTO slowness VALUES (0);"
            "CREATE OR REPLACE USER postfix@localhost IDENTIFIED BY 'toto';"
            "CREATE OR REPLACE USER postfix@127.0.0.1 IDENTIFIED BY 'toto';"
            "GRANT SELECT ON mail.* TO postfix@localhost;"
            "GRANT SELECT ON mail.* TO postfix@127.0.0.1",
            "mail");
        UseHosts(database_.Hosts());
    }

    /// `hosts` of the tables, before Start().
    void UseHosts(const std::string& hosts) {
        WriteTable("mailboxes",
                   "SELECT email FROM users, slowness WHERE email='%s' AND "
                   "SLEEP(seconds)=0",
                   hosts);
        WriteTable("quota", "SELECT quota FROM users WHERE email='%s'", hosts);
        site_.Write(options_);
    }

    void Start() {
        policyd_ = std::make_unique<PolicydProcess>(site_.Config(), site_.Socket());
        client_ = std::make_unique<PolicyClient>(site_.Socket());
        WaitUntilFull();
        ExpectAllWell();
    }

    /// Commits what a scan of a full mailbox would, until it counts.
    void WaitUntilFull() {
        WaitUntil("the mailbox to be full", [this] {
            async::EventLoop loop;
            const auto store = usage::OpenUsageStore(loop, config::LoadConfigFile(site_.Config()));
            try {
                const std::vector<usage::Measurement> measured{
                    {kFull, 900, 1, loop.RunUntilDone(store->Now())}};
                loop.RunUntilDone(store->Commit(measured, usage::kReservationGrace));
            } catch (const outage::UsageStoreUnavailable&) {
                return false;
            }
            return Ask(kFull, 900).starts_with("552 ");
        });
    }

    static std::string OptionOf(const std::string& table) {
        if (table == "quota") return "virtual_mailbox_limit_maps";
        return table == "clients" ? "client_access_maps" : "virtual_mailbox_maps";
    }

    void WriteTable(const std::string& name, const std::string& query, const std::string& hosts) {
        const std::string path =
            site_.Directory()
                .Write(name + ".cf", "hosts = " + hosts +
                                         "\nuser = postfix\npassword = toto\ndbname = mail\n"
                                         "query = " +
                                         query + "\n")
                .string();
        options_[OptionOf(name)] = SmallSite::Quoted("mysql:" + path);
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

    /// While the usage store can be read, but takes no reservation.
    void ExpectWritesAreRefused() {
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(Ask(kJoe, 100, "unwritten " + std::to_string(i)), "DUNNO");
            EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
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

    /// One for all tests of a program: it takes longer to make than they do.
    static MariaDbServer& SharedDatabase() {
        static MariaDbServer database;
        return database;
    }

    MariaDbServer& database_ = SharedDatabase();
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

}  // namespace policyd::test
