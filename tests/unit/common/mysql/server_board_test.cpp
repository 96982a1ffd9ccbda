#include "common/mysql/server_board.hpp"

#include <gtest/gtest.h>

#include <set>

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

    const ServerBoard::Time now = ServerBoard::Time() + 1h;
};

TEST_F(ServerBoardTest, PrefersSocketsAndChoosesAtRandomAmongEquals) {
    ServerBoard mixed(With({"a", "unix:/s", "b"}));
    EXPECT_EQ(mixed.Choose({}, now), 1u);
    EXPECT_NE(mixed.Choose({1}, now), 1u);

    ServerBoard equal(With({"a", "b"}));
    std::set<std::size_t> chosen;
    for (int i = 0; i < 200; ++i) chosen.insert(*equal.Choose({}, now));
    EXPECT_EQ(chosen.size(), 2u);
}

TEST_F(ServerBoardTest, LeavesAServerThatFailedAloneForTheRetryInterval) {
    ServerBoard board(With({"unix:/s", "b"}));
    board.NoteFailure(0, now, 0ms, "down");
    EXPECT_EQ(board.Choose({}, now + 59s), 1u);
    EXPECT_EQ(board.Choose({}, now + 60s), 0u);
    board.NoteSuccess(0);
    EXPECT_EQ(board.Choose({}, now + 1s), 0u);
}

TEST_F(ServerBoardTest, TriesAServerThatFailedAgainWhereNoOtherIsLeft) {
    ServerBoard board(With({"a"}));
    board.NoteFailure(0, now, 0ms, "refused");
    EXPECT_EQ(board.Choose({}, now), 0u);
    EXPECT_EQ(board.Choose({0}, now), std::nullopt);
}

TEST_F(ServerBoardTest, LeavesTheLastServerAloneForAsLongAsItsFailureTook) {
    ServerBoard board(With({"a"}));
    board.NoteFailure(0, now, 1500ms, "timed out");
    EXPECT_EQ(board.Choose({}, now + 1499ms), std::nullopt);
    EXPECT_EQ(board.Choose({}, now + 1500ms), 0u);
}

}  // namespace
}  // namespace policyd::mysql
