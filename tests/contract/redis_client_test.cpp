#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"
#include "common/redis/client.hpp"
#include "tests/support/fake_redis.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::redis {
namespace {

using outage::UsageStoreUnavailable;
using std::chrono::milliseconds;

/// Fails every command with one word, or answers "ok".
async::Task<std::string> Outcome(Client& client, Request request) {
    try {
        const Reply reply = co_await client.Ask(request);
        co_return "ok " + reply.text;
    } catch (const UsageStoreUnavailable& unavailable) {
        co_return unavailable.what();
    }
}

async::Task<std::string> OutcomeWithin(async::EventLoop& loop, Client& client, milliseconds limit) {
    const milliseconds end = loop.Now() + limit;
    for (;;) {
        std::string outcome = co_await Outcome(client, Request("PING"));
        if (outcome.starts_with("ok") || loop.Now() > end) co_return outcome;
        co_await async::Sleep(loop.Raw(), milliseconds(10));
    }
}

class RedisClientTest : public testing::Test {
protected:
    ClientSettings Settings(const async::Endpoint& endpoint) {
        ClientSettings settings;
        settings.endpoint = endpoint;
        settings.time_limit = std::chrono::seconds(20);  // for machines that have much to do
        return settings;
    }

    std::string Ask(Client& client, Request request) {
        return loop_.RunUntilDone(Outcome(client, std::move(request)));
    }

    bool Recovers(Client& client) {
        return loop_.RunUntilDone(OutcomeWithin(loop_, client, std::chrono::minutes(1)))
            .starts_with("ok");
    }

    /// Lets the client notice what has happened.
    void Wait() { WaitFor(milliseconds(2)); }

    void WaitFor(milliseconds time) {
        const auto sleep = [](uv_loop_t* loop, milliseconds long_enough) -> async::Task<> {
            co_await async::Sleep(loop, long_enough);
        };
        loop_.RunUntilDone(sleep(loop_.Raw(), time));
    }

    /// Lets `count` commands go out together; returns their outcomes in the order of the answers.
    std::vector<std::string> AskTogether(Client& client, int count) {
        std::vector<std::string> outcomes;
        const auto keep = [](Client& c, int i, std::vector<std::string>& out) -> async::Task<> {
            out.push_back(co_await Outcome(c, Request("ECHO", i)));
        };
        for (int i = 0; i < count; ++i)
            async::Spawn(keep(client, i, outcomes), [](std::exception_ptr) { FAIL(); });
        while (outcomes.size() < static_cast<std::size_t>(count)) loop_.RunOnce();
        return outcomes;
    }

    async::EventLoop loop_;
};

TEST_F(RedisClientTest, AsksOverAUnixSocketAndOverTcp) {
    test::RedisServer server;
    async::Endpoint by_name = server.TcpEndpoint();
    by_name.host = "localhost";
    for (const async::Endpoint& endpoint : {server.UnixEndpoint(), server.TcpEndpoint(), by_name}) {
        Client client(loop_, Settings(endpoint));
        EXPECT_EQ(Ask(client, Request("SET", "key", endpoint.ToText())), "ok OK");
        EXPECT_EQ(Ask(client, Request("GET", "key")), "ok " + endpoint.ToText());
    }
}

TEST_F(RedisClientTest, AnswersInOrderAndSendsWhatOneTurnAsksInOneWrite) {
    test::RedisServer server;
    Client client(loop_, Settings(server.TcpEndpoint()));
    ASSERT_EQ(Ask(client, Request("CONFIG", "RESETSTAT")), "ok OK");

    const std::vector<std::string> outcomes = AskTogether(client, 200);

    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(outcomes[static_cast<std::size_t>(i)], "ok " + std::to_string(i));
    const std::string stats = Ask(client, Request("INFO", "stats"));
    const std::size_t at = stats.find("total_reads_processed:");
    ASSERT_NE(at, std::string::npos);
    EXPECT_LE(std::stoi(stats.substr(at + 22)), 3) << stats;
}

TEST_F(RedisClientTest, CallsScriptsAlsoWhenRedisHasForgottenThem) {
    test::RedisServer server;
    Client client(loop_, Settings(server.UnixEndpoint()),
                  {"return 'none'", "return KEYS[1] .. ARGV[1]"});
    ScriptCall call;
    call.script = 1;
    call.keys.Append("k");
    call.arguments.Append("a");
    EXPECT_EQ(loop_.RunUntilDone(client.Evaluate(call)).text, "ka");
    server.Command({"SCRIPT", "FLUSH"});
    EXPECT_EQ(loop_.RunUntilDone(client.Evaluate(call)).text, "ka");
    const std::vector<ScriptCall> calls{call, call, call};
    EXPECT_EQ(loop_.RunUntilDone(client.EvaluateAll(calls)).size(), 3u);
}

TEST_F(RedisClientTest, FailsWhileNobodyListensAndFindsTheServerOnceItIsThere) {
    test::RedisServer server;
    server.Stop(SIGTERM);
    for (const async::Endpoint& endpoint : {server.UnixEndpoint(), server.TcpEndpoint()}) {
        Client client(loop_, Settings(endpoint));
        EXPECT_THAT(Ask(client, Request("PING")),
                    testing::StartsWith("redis:" + endpoint.ToText()));
        EXPECT_FALSE(client.IsReady());
        server.Start();
        EXPECT_TRUE(Recovers(client));
        server.Stop(SIGKILL);
        EXPECT_THAT(AskTogether(client, 3), testing::Each(testing::StartsWith("redis:")));
    }
}

TEST_F(RedisClientTest, FailsInTimeWhenTheServerHangsAndNoticesWhenItGoesOn) {
    test::RedisServer server;
    ClientSettings settings = Settings(server.TcpEndpoint());
    settings.time_limit = std::chrono::seconds(2);
    Client client(loop_, settings);
    ASSERT_TRUE(Recovers(client));
    server.Pause();

    EXPECT_THAT(AskTogether(client, 5), testing::Each(testing::HasSubstr("no answer within")));
    EXPECT_FALSE(client.IsReady());
    server.Resume();
    EXPECT_TRUE(Recovers(client));
}

TEST_F(RedisClientTest, ALoopThatWasBusyForLongFindsTheAnswersThatCameMeanwhile) {
    test::RedisServer server;
    ClientSettings settings = Settings(server.TcpEndpoint());
    settings.time_limit = std::chrono::seconds(1);
    Client client(loop_, settings);
    ASSERT_TRUE(Recovers(client));
    std::this_thread::sleep_for(settings.time_limit * 3 / 2);  // the loop has other work
    EXPECT_EQ(Ask(client, Request("PING")), "ok PONG");
}

TEST_F(RedisClientTest, TheTimeThatALoopWasHeldUpBeforeItCouldAskCountsAgainstNobody) {
    test::RedisServer server;
    ClientSettings settings = Settings(server.UnixEndpoint());
    settings.time_limit = milliseconds(500);
    Client client(loop_, settings);
    ASSERT_EQ(Ask(client, Request("PING")), "ok PONG");
    Request takes_a_while(
        "EVAL",
        "local began = redis.call('TIME') repeat local now = redis.call('TIME') until "
        "(now[1] - began[1]) * 1e6 + now[2] - began[2] > 50000 return 'done'",
        0);
    std::string outcome;
    const auto ask = [](Client& asked, Request request, std::string& said) -> async::Task<> {
        said = co_await Outcome(asked, std::move(request));
    };
    async::Spawn(ask(client, std::move(takes_a_while), outcome));
    std::this_thread::sleep_for(milliseconds(600));  // as where there is no processor for it
    while (outcome.empty()) loop_.RunOnce();
    EXPECT_EQ(outcome, "ok done");
}

TEST_F(RedisClientTest, ACommandAfterALostConnectionWaitsForTheNextOne) {
    test::RedisServer server;
    int ready = 0;
    Client client(loop_, Settings(server.UnixEndpoint()), {}, [&ready] { ++ready; });
    ASSERT_TRUE(Recovers(client));
    for (int i = 0; i < 3; ++i) {
        WaitFor(std::chrono::seconds(1));
        server.Command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
        while (client.IsReady() && ready == i + 1) Wait();
        EXPECT_EQ(Ask(client, Request("PING")), "ok PONG");
    }
    EXPECT_EQ(ready, 4);
}

TEST_F(RedisClientTest, AServerThatClosesEveryConnectionAtOnceIsNotConnectedToAllTheTime) {
    test::FakeRedis server([](int connection) { shutdown(connection, SHUT_RDWR); });
    Client client(loop_, Settings(server.Endpoint()));
    WaitFor(std::chrono::seconds(2));
    EXPECT_GE(server.Greeted(), 3);
    EXPECT_LE(server.Greeted(), 12);
    EXPECT_THAT(outage::BackEndsDown(),
                testing::ElementsAre("redis:" + server.Endpoint().ToText()));
}

TEST_F(RedisClientTest, AReplyThatNobodyAskedForEndsTheConnectionAndNothingElse) {
    for (const char* reply : {"+hello\r\n", ":5\r\n", "$3\r\nabc\r\n", "$-1\r\n",
                              "*2\r\n:1\r\n+two\r\n", "-ERR no\r\n", "*0\r\n"}) {
        test::FakeRedis server([reply](int connection) {
            static_cast<void>(write(connection, reply, std::strlen(reply)));
        });
        Client client(loop_, Settings(server.Endpoint()));
        while (server.Greeted() < 2) Wait();
    }
}

TEST_F(RedisClientTest, ASurplusReplyBehindOneThatWasAskedForIsNobodysAnswer) {
    test::FakeRedis server({}, "$4\r\nmine\r\n*1\r\n+surplus\r\n");
    Client client(loop_, Settings(server.Endpoint()));
    for (int i = 0; i < 3; ++i) {
        std::string outcome = "not yet";
        while (!outcome.starts_with("ok")) {
            outcome = Ask(client, Request("PING"));
            EXPECT_EQ(outcome.find("surplus"), std::string::npos) << outcome;
            Wait();
        }
        EXPECT_EQ(outcome, "ok mine");
    }
}

TEST_F(RedisClientTest, KeepsItsConnectionWhenACommandIsRefused) {
    test::RedisServer server;
    Client client(loop_, Settings(server.UnixEndpoint()));
    const std::string id = Ask(client, Request("CLIENT", "INFO"));
    server.Command({"CONFIG", "SET", "maxmemory", "1"});
    EXPECT_THAT(Ask(client, Request("SET", "k", "v")), testing::HasSubstr("OOM"));
    EXPECT_THAT(Ask(client, Request("NOSUCHCOMMAND")), testing::HasSubstr("unknown command"));
    const auto id_of = [](const std::string& info) { return info.substr(0, info.find(' ', 6)); };
    EXPECT_EQ(id_of(Ask(client, Request("CLIENT", "INFO"))), id_of(id));
}

TEST_F(RedisClientTest, LeavesAServerThatBecameAReplica) {
    test::RedisServer master;
    test::RedisServer server;
    Client client(loop_, Settings(server.UnixEndpoint()));
    ASSERT_TRUE(Recovers(client));
    server.Command({"REPLICAOF", "127.0.0.1", std::to_string(master.TcpEndpoint().port)});

    std::string outcome = Ask(client, Request("SET", "k", "v"));
    EXPECT_THAT(outcome,
                testing::AnyOf(testing::HasSubstr("READONLY"), testing::HasSubstr("replica")));
    while (outcome.find("replica") == std::string::npos || client.IsReady()) {
        Wait();
        outcome = Ask(client, Request("SET", "k", "v"));
    }
    server.Command({"REPLICAOF", "NO", "ONE"});
    EXPECT_TRUE(Recovers(client));
}

TEST_F(RedisClientTest, ShowsItsPassword) {
    test::RedisServer server(
        {"--requirepass", "for all", "--user", "policyd", "on", ">for_us", "~policyd:*", "+@all"});
    ClientSettings settings = Settings(server.UnixEndpoint());
    {
        Client client(loop_, settings);
        EXPECT_THAT(Ask(client, Request("PING")), testing::HasSubstr("NOAUTH"));
    }
    settings.password_file = server.Directory().Write("password", "for all\n");
    std::filesystem::permissions(settings.password_file, std::filesystem::perms::owner_read);
    {
        Client client(loop_, settings);
        EXPECT_EQ(Ask(client, Request("ACL", "WHOAMI")), "ok default");
    }
    settings.user = "policyd";
    settings.password_file = server.Directory().Write("users_password", "for_us\n");
    std::filesystem::permissions(settings.password_file, std::filesystem::perms::owner_read);
    Client client(loop_, settings);
    EXPECT_EQ(Ask(client, Request("ACL", "WHOAMI")), "ok policyd");
    EXPECT_THAT(Ask(client, Request("GET", "other")), testing::HasSubstr("NOPERM"));
}

TEST_F(RedisClientTest, IsTheUserThatNeedsNoPassword) {
    test::RedisServer server({"--user", "policyd", "on", "nopass", "~policyd:*", "+@all"});
    ClientSettings settings = Settings(server.UnixEndpoint());
    settings.user = "policyd";
    {
        Client client(loop_, settings);
        EXPECT_EQ(Ask(client, Request("ACL", "WHOAMI")), "ok policyd");
    }
    settings.user = "nobody";
    Client client(loop_, settings);
    EXPECT_THAT(Ask(client, Request("PING")), testing::HasSubstr("WRONGPASS"));
}

TEST_F(RedisClientTest, RefusesMoreCommandsThanMayWait) {
    test::RedisServer server;
    ClientSettings settings = Settings(server.UnixEndpoint());
    settings.most_in_flight = 10;
    Client client(loop_, settings);
    ASSERT_TRUE(Recovers(client));

    const std::vector<std::string> outcomes = AskTogether(client, 15);
    EXPECT_EQ(std::count_if(outcomes.begin(), outcomes.end(),
                            [](const std::string& text) { return text.starts_with("ok"); }),
              10);
}

TEST_F(RedisClientTest, FailsWhatIsInFlightWhenItEnds) {
    test::RedisServer server;
    auto client = std::make_unique<Client>(loop_, Settings(server.UnixEndpoint()));
    ASSERT_TRUE(Recovers(*client));
    std::string outcome;
    const auto keep = [](Client& c, std::string& out) -> async::Task<> {
        out = co_await Outcome(c, Request("PING"));
    };
    async::Spawn(keep(*client, outcome), [](std::exception_ptr) { FAIL(); });
    client.reset();
    EXPECT_THAT(outcome, testing::StartsWith("redis:"));
}

}  // namespace
}  // namespace policyd::redis
