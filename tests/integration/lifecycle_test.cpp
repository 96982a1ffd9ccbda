// Starting, stopping and crashing under load: no client is left without an answer, and the service
// manager is told. Reloads have a file of their own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <list>
#include <optional>
#include <system_error>
#include <vector>

#include "tests/integration/client_load.hpp"
#include "tests/integration/small_site.hpp"
#include "tests/support/notify_socket.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/silent_name_server.hpp"

namespace policyd::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

/// Clients that keep their connection as long as the server does and try twice, as Postfix.
Load::Ask PersistentClient(const fs::path& socket) {
    auto client = std::make_shared<RetryingPolicyClient>(socket);
    return [client] {
        const std::string action = client->Ask(kJoe);
        if (action != "DUNNO") throw std::runtime_error(action);
    };
}

/// A listening UNIX socket that a service manager keeps while its service comes and goes.
class PassedSocket {
public:
    explicit PassedSocket(const fs::path& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.string().copy(address.sun_path, sizeof address.sun_path - 1);
        if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            listen(fd_, 128) != 0)
            throw std::system_error(errno, std::generic_category(), "listen");
    }
    ~PassedSocket() { close(fd_); }
    PassedSocket(const PassedSocket&) = delete;
    PassedSocket& operator=(const PassedSocket&) = delete;

    /// Runs a command with the socket as systemd passes it.
    std::vector<std::string> Wrapper() const {
        return {"bash", "-c",
                "exec 3<&" + std::to_string(fd_) +
                    " && export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=policy && exec \"$@\"",
                "bash"};
    }

private:
    int fd_;
};

TEST(LifecycleTest, RestartsBehindAPassedSocketWithoutAFailedRequest) {
    const SmallSite site;
    const fs::path path = site.Directory() / "passed.sock";
    const PassedSocket passed(path);
    PolicydOptions options;
    options.wrapper = passed.Wrapper();
    PolicydProcess policyd(site.Config(), path, options);
    Load load(kClients, [&] { return PersistentClient(path); });
    for (int restart = 0; restart < 3; ++restart) {
        load.WaitForAnswers(300);
        EXPECT_EQ(policyd.Stop(), 0) << policyd.Output();
        policyd.Start();
    }
    load.WaitForAnswers(300);
    load.Stop();
    EXPECT_EQ(load.Failure(), "");
    EXPECT_FALSE(fs::exists(site.Socket())) << "passed sockets are used instead of the option";
    EXPECT_TRUE(fs::exists(path)) << "a passed socket is not ours to remove";
}

TEST(LifecycleTest, CrashesBehindAPassedSocketWithoutALostAnswer) {
    const SmallSite site;
    const fs::path path = site.Directory() / "passed.sock";
    const PassedSocket passed(path);
    PolicydOptions options;
    options.wrapper = passed.Wrapper();
    PolicydProcess policyd(site.Config(), path, options);
    Load load(kClients, [&] { return PersistentClient(path); });
    for (int crash = 0; crash < 3; ++crash) {
        load.WaitForAnswers(300);
        policyd.Kill();
        policyd.Start();
    }
    load.WaitForAnswers(300);
    load.Stop();
    EXPECT_EQ(load.Failure(), "");
}

TEST(LifecycleTest, TwoServersInOneDirectoryAreRestartedInTurnWithoutAFailedRequest) {
    const SmallSite first;
    const SmallSite second(SmallSite::Options{
        {"usage_store", SmallSite::Quoted("sqlite:" + (first.Directory() / "usage").string())}});
    PolicydProcess first_policyd(first.Config(), first.Socket());
    PolicydProcess second_policyd(second.Config(), second.Socket());
    // As Postfix with two services: what one cannot answer, the other is asked.
    const auto make_client = [&]() -> Load::Ask {
        auto clients = std::make_shared<std::array<std::optional<PolicyClient>, 2>>();
        return [clients, paths = std::array{first.Socket(), second.Socket()}] {
            // Each over the connection that was kept, and then over a new one.
            for (const std::size_t i : {0, 0, 1, 1}) {
                try {
                    auto& client = (*clients)[i];
                    if (!client) client.emplace(paths[i]);
                    if (client->Ask(kJoe) != "DUNNO") throw std::logic_error("a wrong answer");
                    return;
                } catch (const std::runtime_error&) {
                    (*clients)[i].reset();
                }
            }
            throw std::logic_error("neither server answered");
        };
    };
    Load load(kClients, make_client);
    for (PolicydProcess* policyd : {&first_policyd, &second_policyd, &first_policyd}) {
        load.WaitForAnswers(300);
        EXPECT_EQ(policyd->Stop(), 0);
        load.WaitForAnswers(100);
        policyd->Start();
    }
    load.Stop();
    EXPECT_EQ(load.Failure(), "");
}

TEST(ConnectionsTest, AllOfThemMayBeOpenWhicheverWorkersTakeThem) {
    constexpr int kMost = 7;
    const SmallSite site(
        SmallSite::Options{{"workers", "3"}, {"max_connections", std::to_string(kMost)}});
    PolicydProcess policyd(site.Config(), site.Socket());
    std::list<PolicyClient> clients;
    for (int round = 0; round < 50; ++round) {
        while (clients.size() < kMost) {
            clients.emplace_back(site.Socket());
            ASSERT_EQ(clients.back().Ask(kJoe), "DUNNO");
        }
        PolicyClient waiting(site.Socket());
        waiting.Send(kJoe);
        ASSERT_EQ(site.Metric("policyd_connections"), kMost);
        clients.pop_front();
        ASSERT_EQ(waiting.Receive(), "DUNNO");
    }
}

TEST(ControlTest, NobodyAtTheControlSocketIsSaidSo) {
    const ScratchDirectory directory;
    EXPECT_EQ(TellPolicyd("reload", directory / "none.sock").status, 69);
}

TEST(ControlTest, FlushMakesAChangeInATableTakeEffectAtOnce) {
    const ScratchDirectory directory;
    const std::string database = (directory / "users.sqlite").string();
    const auto change = [&](const std::string& statement) {
        const Finished done = test::Run({"sqlite3", database, statement});
        ASSERT_EQ(done.status, 0) << done.errors;
    };
    change("create table users (email); insert into users values ('joe@example.com')");
    const std::string table =
        directory
            .Write("users.cf",
                   "dbpath = " + database + "\nquery = SELECT email FROM users WHERE email='%s'\n")
            .string();
    const SmallSite site({{"virtual_mailbox_maps", SmallSite::Quoted("sqlite:" + table)},
                          {"recipient_cache_time", "\"1h\""}});
    PolicydProcess policyd(site.Config(), site.Socket());
    PolicyClient client(site.Socket());
    EXPECT_EQ(client.AskRcpt("joe@example.com"), "DUNNO");
    change("delete from users");
    EXPECT_EQ(client.AskRcpt("joe@example.com"), "DUNNO") << "remembered";

    EXPECT_EQ(TellPolicyd("flush", site.ControlSocket()).status, 0);
    EXPECT_THAT(client.AskRcpt("joe@example.com"), StartsWith("550 "));
    WaitUntil("the metrics", [&] {
        return site.Metric("policyd_recipient_lookups_total{result=\"hit\"}") >= 1 &&
               site.Metric("policyd_recipient_lookups_total{result=\"miss\"}") == 2;
    });
}

/// A server that is to stop while it still has something to tell a Redis that is down.
class StopTest : public testing::Test {
protected:
    std::string Ask(const char* stage, const char* instance) const {
        return PolicyClient(site_.Socket())
            .Ask(RequestText({{"protocol_state", stage},
                              {"instance", instance},
                              {"recipient", "joe@example.com"},
                              {"recipient_count", "1"},
                              {"size", "900"}}));
    }
    void BeginToStop() {
        redis_.Stop(SIGKILL);
        EXPECT_EQ(Ask("END-OF-MESSAGE", "1"), "DUNNO");
        EXPECT_EQ(site_.Metric("policyd_owed_changes"), 1);
        policyd_.Signal(SIGTERM);
        policyd_.WaitForOutput("stopping");
    }

    RedisServer redis_;
    const SmallSite site_{SmallSite::Options{
        {"usage_store", SmallSite::Quoted("redis:" + redis_.UnixEndpoint().ToText())},
        {"usage_store_failure_action", "\"DUNNO\""},
        {"virtual_mailbox_limit_maps", "[\"inline:{joe@example.com=1000}\"]"},
        {"request_time_limit", "\"30s\""}}};
    PolicydProcess policyd_{site_.Config(), site_.Socket()};
};

TEST_F(StopTest, WaitsUntilTheUsageStoreHasBeenToldWhatItMissed) {
    BeginToStop();
    redis_.Start();
    EXPECT_EQ(policyd_.Wait(), 0);
    policyd_.Start();
    EXPECT_THAT(Ask("RCPT", "2"), StartsWith("452 "));
}

TEST_F(StopTest, WhoConnectsMeanwhileIsNotLeftWaiting) {
    BeginToStop();
    WaitUntil("the refusal of connections", [&] { return !CanConnect(site_.Socket()); });
    EXPECT_TRUE(policyd_.IsRunning());
    EXPECT_EQ(HttpGet(site_.MetricsPort(), "/health").status, 503);
    redis_.Start();
    EXPECT_EQ(policyd_.Wait(), 0);
}

/// policyd where the only name server keeps silent.
class SilentNameServerTest : public testing::Test {
protected:
    void SetUp() override {
        if (!name_server_.IsPermitted()) GTEST_SKIP() << "only root may mount";
    }
    PolicydOptions Options() const { return {.wrapper = name_server_.Wrapper()}; }
    static std::string MysqlTable(const SmallSite& site, const std::string& host) {
        const fs::path table = site.Directory().Write(
            host + ".cf",
            "hosts = inet:" + host +
                ":3306\nuser = u\ndbname = d\nquery = SELECT x FROM y WHERE z='%s'\n");
        return SmallSite::Quoted("mysql:" + table.string());
    }
    static std::chrono::seconds TimeOf(const std::function<void()>& work) {
        const auto began = std::chrono::steady_clock::now();
        work();
        return std::chrono::floor<std::chrono::seconds>(std::chrono::steady_clock::now() - began);
    }

    const SilentNameServer name_server_;
    const std::chrono::seconds most_{10};  // of the 30 s that a look-up takes
};

TEST_F(SilentNameServerTest, AStopWaitsForNoAddressOfRedis) {
    const SmallSite site(
        SmallSite::Options{{"usage_store", "\"redis:inet:redis.example.test:6379\""}});
    PolicydProcess policyd(site.Config(), site.Socket(), Options());
    EXPECT_LT(TimeOf([&] { EXPECT_EQ(policyd.Stop(), 0); }), most_);
}

TEST_F(SilentNameServerTest, AStopWaitsForNoAddressOfMysql) {
    const SmallSite site;
    site.Write({{"virtual_mailbox_maps", MysqlTable(site, "db.example.test")}});
    PolicydProcess policyd(site.Config(), site.Socket(), Options());
    EXPECT_THAT(PolicyClient(site.Socket()).Ask(kJoe), StartsWith("DEFER_IF_PERMIT "));
    EXPECT_LT(TimeOf([&] { EXPECT_EQ(policyd.Stop(), 0); }), most_);
}

TEST_F(SilentNameServerTest, AReloadWithNewTablesTakesSeconds) {
    const SmallSite site;
    PolicydProcess policyd(site.Config(), site.Socket(), Options());
    site.Write({{"virtual_mailbox_maps", MysqlTable(site, "db.example.test")}});
    EXPECT_LT(TimeOf([&] { EXPECT_EQ(TellPolicyd("reload", site.ControlSocket()).status, 0); }),
              most_);
    EXPECT_LT(TimeOf([&] { EXPECT_EQ(policyd.Stop(), 0); }), most_);
}

TEST(LifecycleTest, ASignalThatIsForTheScannerEndsNoServer) {
    const SmallSite site;
    PolicydProcess policyd(site.Config(), site.Socket());
    policyd.Signal(SIGUSR1);
    policyd.WaitForOutput("ignored: SIGUSR1");
    EXPECT_EQ(PolicyClient(site.Socket()).Ask(kJoe), "DUNNO");
    EXPECT_EQ(policyd.Stop(), 0);
}

/// Started by root, who becomes nobody.
SmallSite SiteOfNobody(const ScratchDirectory& usage) {
    fs::permissions(usage.Path(), fs::perms(0777));
    return SmallSite(
        SmallSite::Options{{"user", "\"nobody\""},
                           {"usage_store", SmallSite::Quoted("sqlite:" + (usage / "u").string())}});
}

TEST(UserTest, RootIsGivenUpForGoodOnceTheSocketsAreOpen) {
    if (geteuid() != 0) GTEST_SKIP() << "not root here";
    const ScratchDirectory usage;
    const SmallSite site = SiteOfNobody(usage);
    PolicydProcess policyd(site.Config(), site.Socket());
    EXPECT_EQ(PolicyClient(site.Socket()).Ask(kJoe), "DUNNO");
    for (const auto& task :
         fs::directory_iterator("/proc/" + std::to_string(policyd.Pid()) + "/task")) {
        const std::string status = ReadFile(task.path() / "status");
        EXPECT_THAT(status, HasSubstr("Uid:\t65534\t65534\t65534\t65534\n"));
        EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000000\n"));
        EXPECT_THAT(status, HasSubstr("CapPrm:\t0000000000000000\n"));
    }
    policyd.Signal(SIGHUP);
    policyd.WaitForOutput("reloaded: ");
    EXPECT_EQ(HttpGet(site.MetricsPort(), "/health").body, "ready\n");
}

TEST(UserTest, AReloadThatCanHaveNoThreadIsToBeTriedAgain) {
    if (geteuid() != 0) GTEST_SKIP() << "no limit holds for others here";
    const ScratchDirectory usage;
    const SmallSite site = SiteOfNobody(usage);
    PolicydProcess policyd(site.Config(), site.Socket());
    policyd.WaitForOutput("ready: ");  // and nobody's
    // As its user, for root may not do that to others everywhere.
    const auto limit_threads = [&policyd](const std::string& to) {
        const Finished limited =
            test::Run({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "prlimit",
                       "--pid=" + std::to_string(policyd.Pid()), "--nproc=" + to + ":"});
        ASSERT_EQ(limited.status, 0) << limited.errors;
    };
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NPROC, &before), 0);
    limit_threads("1");
    const Finished reload = TellPolicyd("reload", site.ControlSocket());
    EXPECT_EQ(reload.status, 75);
    EXPECT_THAT(reload.errors, HasSubstr("a thread cannot be started"));
    limit_threads(before.rlim_cur == RLIM_INFINITY ? "unlimited" : std::to_string(before.rlim_cur));
    EXPECT_EQ(TellPolicyd("reload", site.ControlSocket()).status, 0);
}

TEST(UserTest, WhatIsMadeAsRootIsTheUsersWhoNeedsItLater) {
    if (geteuid() != 0) GTEST_SKIP() << "not root here";
    const ScratchDirectory own;
    ASSERT_EQ(chown(own.Path().c_str(), 65534, 65534), 0);
    const fs::path log = own / "policyd.log";
    const SmallSite site(SmallSite::Options{
        {"user", "\"nobody\""},
        {"log_destination", SmallSite::Quoted("file:" + log.string())},
        {"usage_store", SmallSite::Quoted("sqlite:" + (own / "usage").string())}});
    PolicydProcess policyd(site.Config(), site.Socket());
    WaitUntil("the start", [&] { return ReadFile(log).find("ready: ") != std::string::npos; });
    for (const fs::path& made : {log, fs::path(site.ControlSocket())}) {
        struct stat status {};
        ASSERT_EQ(stat(made.c_str(), &status), 0) << made;
        EXPECT_EQ(status.st_uid, 65534u) << made;
    }
    policyd.Signal(SIGHUP);
    WaitUntil("the reload", [&] { return ReadFile(log).find("reloaded: ") != std::string::npos; });
}

TEST(UserTest, AnUnknownUserIsAMistakeOfTheConfiguration) {
    if (geteuid() != 0) GTEST_SKIP() << "not root here";
    const SmallSite site(SmallSite::Options{{"user", "\"no such user\""}});
    const Finished policyd =
        test::Run({ProgramPath("policyd"), "--config", site.Config().string()});
    EXPECT_EQ(policyd.status, 78);
    EXPECT_THAT(policyd.errors, HasSubstr("user: expected a user of this system"));
}

TEST(ServiceManagerTest, IsToldOfEveryTurnInTheServersLife) {
    const SmallSite site;
    const fs::path path = site.Directory() / "notify.sock";
    NotifySocket notify(path);
    PolicydOptions options;
    options.environment = {"NOTIFY_SOCKET=" + path.string()};
    PolicydProcess policyd(site.Config(), site.Socket(), options);
    EXPECT_EQ(notify.Next(), "READY=1");
    policyd.Signal(SIGHUP);
    EXPECT_THAT(notify.Next(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    EXPECT_EQ(notify.Next(), "READY=1");
    EXPECT_EQ(policyd.Stop(), 0);
    EXPECT_EQ(notify.Next(), "STOPPING=1");
}

TEST(ServiceManagerTest, HearsFromTheWatchdogWhileTheWorkersWork) {
    const SmallSite site(SmallSite::Options{{"workers", "2"}});
    const fs::path path = site.Directory() / "notify.sock";
    NotifySocket notify(path);
    PolicydOptions options;
    options.environment = {"NOTIFY_SOCKET=" + path.string(), "WATCHDOG_USEC=2000000"};
    PolicydProcess policyd(site.Config(), site.Socket(), options);
    EXPECT_EQ(notify.Receive(), "READY=1");
    EXPECT_EQ(notify.Receive(), "WATCHDOG=1");
    EXPECT_EQ(notify.Receive(), "WATCHDOG=1");
}

TEST(HealthTest, AServerThatAnswersIsReadyAndCountsWhatItDoes) {
    const SmallSite site;
    PolicydProcess policyd(site.Config(), site.Socket());
    const HttpAnswer health = HttpGet(site.MetricsPort(), "/health");
    EXPECT_EQ(health.status, 200);
    EXPECT_EQ(health.body, "ready\n");

    PolicyClient client(site.Socket());
    client.AskRcpt("joe@example.com");
    client.AskRcpt("jim@example.com");
    client.Ask(RequestText({{"protocol_state", "EHLO"}}));
    EXPECT_EQ(site.Metric("policyd_requests_total{stage=\"RCPT\"}"), 2);
    EXPECT_EQ(site.Metric("policyd_requests_total{stage=\"EHLO\"}"), 1);
    EXPECT_EQ(site.Metric("policyd_verdicts_total{check=\"none\",reason=\"no_opinion\"}"), 2);
    EXPECT_EQ(
        site.Metric("policyd_verdicts_total{check=\"recipient\",reason=\"unknown_recipient\"}"), 1);
    EXPECT_EQ(site.Metric("policyd_request_duration_seconds_count"), 3);
    EXPECT_EQ(site.Metric("policyd_connections"), 1);
    EXPECT_EQ(site.Metric("policyd_build_info{version=\"" POLICYD_VERSION "\"}"), 1);
}

}  // namespace
}  // namespace policyd::test
