// Redis fails in every way it knows: see fault_matrix.hpp for what is to hold all the while.

#include "common/usage/redis_keys.hpp"
#include "tests/integration/fault_matrix.hpp"
#include "tests/support/gate.hpp"

namespace policyd::test {
namespace {

using FaultRedisTest = FaultMatrix;

TEST_F(FaultRedisTest, RedisIsKilledAndComesBack) {
    Start();
    redis_.Stop(SIGKILL);
    ExpectStoreOutage(20);
    EXPECT_THAT(Health(), StartsWith("degraded\nredis:"));
    redis_.Start();
    WaitForRecovery();
}

TEST_F(FaultRedisTest, RedisIsSaidToBeBackAlsoWhereNobodyAsks) {
    Start();
    redis_.Stop(SIGKILL);
    policyd_->WaitForOutput("unavailable: redis:");
    redis_.Start();
    policyd_->WaitForOutput("back again: redis:");
}

TEST_F(FaultRedisTest, RedisClosesAnIdleConnectionAndNobodySpeaksOfAnOutage) {
    Start();
    const auto connections = [this] {
        const std::string list = redis_.Command({"CLIENT", "LIST", "TYPE", "normal"});
        return std::count(list.begin(), list.end(), '\n');
    };
    const auto before = connections();
    redis_.Command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    WaitUntil("new connections", [&] { return connections() == before; });
    EXPECT_EQ(Ask(kJoe), "DUNNO");
    EXPECT_EQ(policyd_->Stop(), 0);
    EXPECT_THAT(policyd_->Output(), Not(HasSubstr("unavailable")));
}

TEST_F(FaultRedisTest, RedisHangsAndGoesOn) {
    Start();
    redis_.Pause();
    ExpectStoreOutage();
    redis_.Resume();
    WaitForRecovery();
}

TEST_F(FaultRedisTest, RedisIsDownFromTheStart) {
    redis_.Stop(SIGTERM);
    policyd_ = std::make_unique<PolicydProcess>(site_.Config(), site_.Socket());
    client_ = std::make_unique<PolicyClient>(site_.Socket());
    ExpectStoreOutage(1);
    redis_.Start();
    WaitUntilFull();
}

TEST_F(FaultRedisTest, RedisHasNoMemoryLeft) {
    Start();
    redis_.Command({"CONFIG", "SET", "maxmemory", "1"});
    ExpectWritesAreRefused();
    redis_.Command({"CONFIG", "SET", "maxmemory", "0"});
    WaitForRecovery();
}

TEST_F(FaultRedisTest, RedisBecomesAReplicaAndAMasterAgain) {
    Start();
    redis_.Command({"REPLICAOF", "127.0.0.1", "1"});
    ExpectWritesAreRefused();
    redis_.Command({"REPLICAOF", "NO", "ONE"});
    WaitForRecovery();
}

TEST_F(FaultRedisTest, RedisLosesItsDataAndMailFlows) {
    Start();
    redis_.Command({"FLUSHALL"});
    EXPECT_EQ(Ask(kJoe), "DUNNO");
    EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
    EXPECT_THAT(Ask(kFull, 900), Not(StartsWith("4")));
}

TEST_F(FaultRedisTest, RedisWantsAPasswordAllOfASudden) {
    Start();
    redis_.Command({"CONFIG", "SET", "requirepass", "secret"});
    redis_.Command(
        {"-a", "secret", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    ExpectStoreOutage();
    redis_.Command({"-a", "secret", "--no-auth-warning", "CONFIG", "SET", "requirepass", ""});
    WaitForRecovery();
}

TEST_F(FaultRedisTest, RedisCannotSaveItsData) {
    Start();
    // A directory in the place of the file that it saves to.
    std::filesystem::create_directory(redis_.Directory() / "dump.rdb");
    redis_.Command({"CONFIG", "SET", "save", "3600 1"});
    redis_.Command({"BGSAVE"});
    WaitUntil("saving to fail", [this] {
        return redis_.Command({"INFO", "persistence"}).find("rdb_last_bgsave_status:err") !=
               std::string::npos;
    });
    ExpectWritesAreRefused();
    redis_.Command({"CONFIG", "SET", "stop-writes-on-bgsave-error", "no"});
    WaitForRecovery();
}

TEST_F(FaultRedisTest, RedisHasTooFewReplicas) {
    Start();
    redis_.Command({"CONFIG", "SET", "min-replicas-to-write", "1"});
    ExpectWritesAreRefused();
    redis_.Command({"CONFIG", "SET", "min-replicas-to-write", "0"});
    WaitForRecovery();
}

TEST_F(FaultRedisTest, RedisForbidsOurCommandsAndAllowsThemAgain) {
    Start();
    redis_.Command({"ACL", "SETUSER", "admin", "on", "nopass", "~*", "&*", "+@all"});
    const auto as_admin = [this](std::vector<std::string> words) {
        words.insert(words.begin(), {"--user", "admin", "--pass", "x", "--no-auth-warning"});
        redis_.Command(words);
    };
    as_admin({"ACL", "SETUSER", "default", "-@all", "+ping"});
    ExpectStoreOutage();
    as_admin({"ACL", "SETUSER", "default", "+@all"});
    WaitForRecovery();
}

TEST_F(FaultRedisTest, RedisIsBusyWithSomebodysScript) {
    Start();
    redis_.Command({"CONFIG", "SET", "busy-reply-threshold", "50"});
    Process endless(
        {"redis-cli", "-s", redis_.UnixEndpoint().path, "EVAL", "while true do end", "0"}, {});
    WaitUntil("Redis to be busy", [this] {
        return test::Run({"redis-cli", "-s", redis_.UnixEndpoint().path, "GET", "x"})
                   .output.find("BUSY") != std::string::npos;
    });
    ExpectStoreOutage();
    redis_.Command({"SCRIPT", "KILL"});
    WaitForRecovery();
}

TEST_F(FaultRedisTest, RedisForgetsOurScripts) {
    Start();
    redis_.Command({"SCRIPT", "FLUSH"});
    ExpectAllWell();
}

TEST_F(FaultRedisTest, WhatIsRememberedOfUsageBridgesAnOutageWhereThatIsWanted) {
    options_["usage_store_failure_action"] =
        SmallSite::Quoted("stale 1h, then 451 4.3.0 Not counted");
    options_["recipient_cache_time"] = SmallSite::Quoted("1m");
    site_.Write(options_);
    Start();
    EXPECT_EQ(Ask(kJoe, 100, "before"), "DUNNO");
    redis_.Stop(SIGKILL);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(Ask(kJoe, 100, std::to_string(i)), "DUNNO");
        EXPECT_THAT(Ask(kFull, 900), StartsWith("452 4.2.2 ")) << "nothing is refused for good";
        EXPECT_THAT(Ask(kNobody), StartsWith("550 5.1.1 "));
        // A reload, of other options too, does not change that.
        options_["recipient_cache_time"] = SmallSite::Quoted(std::to_string(60 + i) + "s");
        site_.Write(options_);
        policyd_->Signal(SIGHUP);
        WaitUntil("the reload", [&] {
            return site_.Metric("policyd_reloads_total{result=\"success\"}") == i + 1;
        });
    }
    database_.Execute("INSERT INTO users VALUES ('new@example.com', 1000)", "mail");
    WaitUntil("the new one to be known",
              [this] { return !Ask("new@example.com").starts_with("5"); });
    EXPECT_EQ(Ask("new@example.com"), "451 4.3.0 Not counted");
    redis_.Start();
    WaitForRecovery();
}

TEST_F(FaultRedisTest, SomethingElseLiesUnderTheKeyOfOneMailbox) {
    Start();
    const std::string key = usage::RedisMailboxKey(kJoe);
    redis_.Command({"SET", key, "no hash"});
    for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(kJoe), "DUNNO");
    EXPECT_THAT(Ask(kFull, 900), StartsWith("552 5.2.2 ")) << "another mailbox";
    redis_.Command({"DEL", key});
    WaitForRecovery();
}

TEST_F(FaultRedisTest, ThePasswordIsChangedHereAndThere) {
    const auto password = site_.Directory().Write("password", "first\n");
    std::filesystem::permissions(password, std::filesystem::perms(0600));
    const auto set_password = [this](const std::string& old, const std::string& changed) {
        redis_.Command({"-a", old, "--no-auth-warning", "CONFIG", "SET", "requirepass", changed});
    };
    set_password("none", "first");
    options_["redis_password_file"] = SmallSite::Quoted(password.string());
    site_.Write(options_);
    Start();
    set_password("first", "second");
    redis_.Command(
        {"-a", "second", "--no-auth-warning", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    ExpectStoreOutage();
    EXPECT_THAT(policyd_->Output(), Not(HasSubstr("first"))) << "no secret in the log";
    site_.Directory().Write("password", "second\n");
    WaitForRecovery();
}

/// Redis behind an address that may be broken or lead elsewhere.
class FaultRedisGateTest : public FaultMatrix {
protected:
    FaultRedisGateTest() {
        options_["usage_store"] =
            SmallSite::Quoted("redis:inet:127.0.0.1:" + std::to_string(gate_.Port()));
        site_.Write(options_);
    }

    static int PortOf(const RedisServer& redis) { return redis.TcpEndpoint().port; }

    Gate gate_{PortOf(redis_)};
};

TEST_F(FaultRedisGateTest, AFirewallDropsEverythingAndLetsItThroughAgain) {
    Start();
    gate_.Hold();
    ExpectStoreOutage();
    EXPECT_THAT(Health(), StartsWith("degraded\nredis:"));
    gate_.Release();
    WaitForRecovery();
    gate_.Reset();
    WaitForRecovery();
}

TEST_F(FaultRedisGateTest, AReplicaTakesOverAndWhatWasReservedLastIsThere) {
    RedisServer replica;
    const std::string master_port = std::to_string(PortOf(redis_));
    replica.Command({"REPLICAOF", "127.0.0.1", master_port});
    WaitUntil("replication", [&] {
        return replica.Command({"INFO", "replication"}).find("master_link_status:up") !=
               std::string::npos;
    });
    Start();
    // What the master takes from now on never reaches its replica.
    replica.Command({"REPLICAOF", "NO", "ONE"});
    EXPECT_EQ(Ask(kJoe, 900, "last message"), "DUNNO");
    redis_.Stop(SIGKILL);
    gate_.LeadTo(PortOf(replica));
    WaitUntil("the replica to be told", [&] { return Ask(kJoe, 900).starts_with("452 "); });
}

TEST_F(FaultRedisGateTest, TheMasterBecomesAReplicaAndItsAddressMoves) {
    RedisServer second;
    Start();
    second.Command({"REPLICAOF", "127.0.0.1", std::to_string(PortOf(redis_))});
    WaitUntil("replication", [&] {
        return second.Command({"INFO", "replication"}).find("master_link_status:up") !=
               std::string::npos;
    });
    second.Command({"REPLICAOF", "NO", "ONE"});
    redis_.Command({"REPLICAOF", "127.0.0.1", std::to_string(PortOf(second))});
    for (int i = 0; i < 5; ++i) EXPECT_EQ(Ask(kJoe, 100, std::to_string(i)), "DUNNO");
    gate_.LeadTo(PortOf(second));
    WaitForRecovery();
}

}  // namespace
}  // namespace policyd::test
