#include "loadtest/load_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "common/async/periodic.hpp"
#include "loadtest/server_connection.hpp"
#include "tests/support/scratch_directory.hpp"
#include "tests/unit/loadtest/server_thread.hpp"

namespace policyd::loadtest {
namespace {

Options QuickRun(const ServerThread& server) {
    Options options;
    options.server = server.Address();
    options.connections = 5;
    options.warm_up_s = 0;
    return options;
}

TEST(LoadRunTest, AsksAsManyRequestsAsToldOverAllConnections) {
    std::atomic<int> asked = 0;
    ServerThread server([&](const std::string&) {
        ++asked;
        return "action=DUNNO\n\n";
    });
    Options options = QuickRun(server);
    options.requests = 200;
    options.expect = "dunno";
    LoadRun run(options);
    const Result& result = run.Run();
    EXPECT_EQ(asked, 200);
    EXPECT_EQ(result.tally.Answered(), 200U);
    EXPECT_EQ(result.tally.Faults(), 0U);
    EXPECT_EQ(result.connected, 5U);
    EXPECT_FALSE(result.is_open_loop);
    EXPECT_GT(result.measured_s, 0);
}

TEST(LoadRunTest, AnOpenLoopSendsNoFasterThanItsRate) {
    ServerThread server([](const std::string&) { return "action=DUNNO\n\n"; });
    Options options = QuickRun(server);
    options.requests = 50;
    options.rate = 500;
    LoadRun run(options);
    const Result& result = run.Run();
    EXPECT_TRUE(result.is_open_loop);
    EXPECT_EQ(result.tally.Answered(), 50U);
    EXPECT_GE(result.measured_s, 0.098);  // the last of 50 is due after 49 of 500 parts
}

TEST(LoadRunTest, LatencyCountsFromWhenARequestWasDueAndNotFromWhenItWasSent) {
    ServerThread server([](const std::string&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return "action=DUNNO\n\n";
    });
    Options options = QuickRun(server);
    options.connections = 1;
    options.requests = 5;
    options.rate = 100'000;
    LoadRun run(options);
    // All are due at once; the fifth waits for the four before it.
    EXPECT_GE(run.Run().tally.Latency().Max(), std::chrono::milliseconds(95));
}

TEST(LoadRunTest, SurvivesAServerThatClosesConnections) {
    std::atomic<int> asked = 0;
    ServerThread server(
        [&](const std::string&) { return ++asked % 10 == 0 ? "" : "action=DUNNO\n\n"; });
    Options options = QuickRun(server);
    options.requests = 60;
    LoadRun run(options);
    const Result& result = run.Run();
    EXPECT_EQ(result.tally.Answered(), 54U);
    EXPECT_THAT(result.tally.NotAnswered(),
                testing::ElementsAre(testing::Pair("connection lost", 6)));
}

TEST(LoadRunTest, MeasuresTheServerWhileItRuns) {
    ServerThread server([](const std::string&) { return "action=DUNNO\n\n"; });
    Options options = QuickRun(server);
    options.requests = 20;
    options.server_pids = {getpid()};
    LoadRun run(options);
    const Result& result = run.Run();
    EXPECT_EQ(result.server_after.processes, 1U);
    EXPECT_GT(result.server_after.rss, 0U);
    EXPECT_GE(result.server_after.cpu_s, result.server_before.cpu_s);
}

TEST(LoadRunTest, FailsWhereNobodyListens) {
    Options options;
    options.server = "unix:/nowhere/at/all";
    LoadRun run(options);
    EXPECT_THROW(run.Run(), NoAnswer);
}

TEST(LoadRunTest, StopsWhenTold) {
    ServerThread server([](const std::string&) { return "action=DUNNO\n\n"; });
    Options options = QuickRun(server);
    options.duration_s = 1000;
    LoadRun run(options);
    const async::Periodic soon(run.Loop().Raw(), std::chrono::milliseconds(20),
                               [&] { run.Stop(); });
    EXPECT_LT(run.Run().measured_s, 100);
}

TEST(LoadRunTest, TheMeasuredTimeEndsBeforeAnAnswerThatIsWaitedFor) {
    std::atomic<int> asked = 0;
    ServerThread server([&](const std::string&) {
        if (++asked == 3) std::this_thread::sleep_for(std::chrono::milliseconds(600));
        return "action=DUNNO\n\n";
    });
    Options options = QuickRun(server);
    options.connections = 1;
    options.duration_s = 0.2;
    options.server_pids = {getpid()};
    LoadRun run(options);
    const Result& result = run.Run();
    EXPECT_LT(result.measured_s, 0.4);
    EXPECT_EQ(result.tally.InTime(), 2U);
    EXPECT_EQ(result.tally.Late(), 1U);
    EXPECT_GE(result.tally.Latency().Max(), std::chrono::milliseconds(600));
    EXPECT_GT(result.last_answer_s, 0.2);
    EXPECT_EQ(result.server_after.processes, 1U);
}

TEST(LoadRunTest, StopsWhileItsConnectionsAreBeingOpened) {
    // A listen queue that nobody takes anything from is full after the first few.
    const test::ScratchDirectory scratch;
    const std::string path = scratch / "policy";
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener, 1), 0);
    Options options;
    options.server = "unix:" + path;
    options.connections = 500;
    options.time_limit_s = 20;
    LoadRun run(options);
    const async::Periodic soon(run.Loop().Raw(), std::chrono::milliseconds(20),
                               [&] { run.Stop(); });
    const auto begin = std::chrono::steady_clock::now();
    const Result& result = run.Run();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    EXPECT_LT(result.connected, 10U);
    close(listener);
}

}  // namespace
}  // namespace policyd::loadtest
