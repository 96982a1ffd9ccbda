#include "common/mysql/server_board.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/log/logging.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::mysql {
namespace {

using namespace std::chrono_literals;

class ServerBoardTest : public testing::Test {
protected:
    static Account With(std::vector<const char*> servers) {
        Account account;
        for (const char* server : servers) account.servers.push_back(ParseServer(server));
        return account;
    }

    static std::optional<std::size_t> Choose(ServerBoard& board, ServerBoard::Time now,
                                             std::vector<std::size_t> tried = {}) {
        return board.Choose(tried, now);
    }

    const ServerBoard::Time now = ServerBoard::Time() + 1h;
};

TEST_F(ServerBoardTest, PrefersSocketsAndChoosesAtRandomAmongEquals) {
    ServerBoard mixed(With({"a", "unix:/s", "b"}));
    EXPECT_EQ(Choose(mixed, now), 1u);
    EXPECT_NE(Choose(mixed, now, {1}), 1u);

    ServerBoard equal(With({"a", "b"}));
    std::set<std::size_t> chosen;
    for (int i = 0; i < 200; ++i) chosen.insert(*Choose(equal, now));
    EXPECT_EQ(chosen.size(), 2u);
}

TEST_F(ServerBoardTest, LeavesAServerThatFailedAloneUntilItIsSeenToBeBack) {
    ServerBoard board(With({"unix:/s", "b"}));
    board.NoteFailure(0, now, "down");
    EXPECT_EQ(Choose(board, now + 1h), 1u);
    board.NoteSuccess(0, now);
    EXPECT_EQ(Choose(board, now + 1s), 0u);
}

TEST_F(ServerBoardTest, HasAServerThatFailedLookedAtOnceInTheRetryInterval) {
    ServerBoard board(With({"unix:/s", "b"}));
    EXPECT_EQ(board.DueForALook(now), std::nullopt);
    board.NoteFailure(0, now, "down");
    EXPECT_EQ(board.DueForALook(now + 59s), std::nullopt);
    EXPECT_EQ(board.DueForALook(now + 60s), 0u);
    EXPECT_EQ(board.DueForALook(now + 119s), std::nullopt);
    EXPECT_EQ(board.DueForALook(now + 120s), 0u);
    board.NoteSuccess(0, now + 120s);
    EXPECT_EQ(board.DueForALook(now + 1h), std::nullopt);
}

TEST_F(ServerBoardTest, HasAServerLookedAtOnceMoreThatWasBackTooSoonToBelieveIt) {
    ServerBoard board(With({"a", "b"}));
    board.NoteFailure(0, now, "down");
    board.NoteSuccess(0, now + 1s);
    EXPECT_TRUE(board.IsWaitingForSuccess());
    EXPECT_EQ(board.DueForALook(now + 60s), 0u);
    board.NoteSuccess(0, now + 60s);
    EXPECT_FALSE(board.IsWaitingForSuccess());
    EXPECT_EQ(board.DueForALook(now + 1h), std::nullopt);
}

TEST_F(ServerBoardTest, HasNoServerLookedAtThatEveryQuestionIsPutTo) {
    ServerBoard board(With({"a"}));
    board.NoteFailure(0, now, "down");
    EXPECT_EQ(board.DueForALook(now + 1h), std::nullopt);
}

TEST_F(ServerBoardTest, WaitsForSuccessUntilAllServersAreKnownToBeBack) {
    ServerBoard board(With({"a"}));
    EXPECT_FALSE(board.IsWaitingForSuccess());
    board.NoteFailure(0, now, "down");
    board.NoteSuccess(0, now + 1s);
    EXPECT_TRUE(board.IsWaitingForSuccess()) << "it may fail again soon";
    board.NoteSuccess(0, now + 10s);
    EXPECT_FALSE(board.IsWaitingForSuccess());
}

TEST_F(ServerBoardTest, TriesAServerThatFailedAgainWhereNoOtherIsLeft) {
    ServerBoard board(With({"a"}));
    board.NoteFailure(0, now, "refused");
    EXPECT_EQ(Choose(board, now), 0u);
    EXPECT_EQ(Choose(board, now, {0}), std::nullopt);
}

TEST_F(ServerBoardTest, KnowsWhetherAServerHasFailedSinceItWasLastAsked) {
    ServerBoard board(With({"a"}));
    EXPECT_FALSE(board.HasFailedSince(0, now));
    board.NoteFailure(0, now, "down");
    EXPECT_TRUE(board.HasFailedSince(0, now - 1ms));
    EXPECT_FALSE(board.HasFailedSince(0, now));
    board.NoteSuccess(0, now);
    EXPECT_FALSE(board.HasFailedSince(0, now - 1ms));
}

TEST_F(ServerBoardTest, AServerThatHasNoConnectionLeftHasNotFailedAndIsToldOfOnceInTenMinutes) {
    ServerBoard board(With({"unix:/s", "b"}), 4);
    const test::ScratchDirectory scratch;
    const auto path = scratch / "log";
    log::Configure("policyd", {.destination = "file:" + path.string(), .level = "info"});
    for (const auto after : {0min, 9min, 10min})
        board.NoteNoneLeft(0, now + after, "Too many connections");
    log::Shutdown();
    EXPECT_THAT(test::ReadFile(path),
                testing::MatchesRegex("(.*unix:/s gives fewer connections than the 4 of "
                                      "mysql_connections, for each worker: Too many connections"
                                      "\n){2}"));
    EXPECT_FALSE(board.HasFailedSince(0, now - 1s));
    EXPECT_EQ(Choose(board, now), 0u);
}

TEST_F(ServerBoardTest, WhoWaitedWhileTheLastServerFailedDoesNotWaitForItAgain) {
    ServerBoard board(With({"a"}));
    board.NoteFailure(0, now, "timed out");
    EXPECT_EQ(board.Choose({}, now - 1ms), std::nullopt);
    EXPECT_EQ(board.Choose({}, now), 0u);
}

}  // namespace
}  // namespace policyd::mysql
