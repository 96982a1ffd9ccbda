#include "common/mysql/connecting.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/mysql/open_connection.hpp"
#include "tests/support/process.hpp"
#include "tests/support/silent_server.hpp"

namespace policyd::mysql {
namespace {

using namespace std::chrono_literals;
using Clock = Connecting::Clock;

/// To a server that keeps silent, which is the first, and to one that is down.
class ConnectingTest : public testing::Test {
protected:
    static constexpr std::size_t kSilent = 0;
    static constexpr std::size_t kDown = 1;

    ConnectingTest() { BeginThread(); }
    ~ConnectingTest() override { EndThread(); }

    Account Servers() const {
        Account account;
        account.servers = {{{}, "127.0.0.1", static_cast<std::uint16_t>(silent_.Port())},
                           ParseServer("unix:/nonexistent")};
        account.time_limit = 500ms;
        return account;
    }

    const test::SilentServer silent_;
    const std::shared_ptr<ServerBoard> board_ =
        std::make_shared<ServerBoard>(Servers(), 1, outage::Telling::kNobody);
    Connecting connecting_{board_};
};

TEST_F(ConnectingTest, OneThatKeepsSilentHidesNoOther) {
    connecting_.Begin(kSilent);
    connecting_.Begin(kDown);
    const auto end = connecting_.WaitForNext(Clock::now() + 1h);
    ASSERT_TRUE(end && end->error);
    EXPECT_EQ(end->server, kDown);
    EXPECT_THAT(connecting_.SilentSince(Clock::now()), testing::ElementsAre(kSilent));
    EXPECT_THAT(connecting_.SilentSince(Clock::now() - 1h), testing::IsEmpty());
}

TEST_F(ConnectingTest, NobodyWaitsForOneThatIsLeftAlone) {
    connecting_.Begin(kSilent);
    EXPECT_FALSE(connecting_.WaitForNext(Clock::now() + 1ms));
    connecting_.LeaveAlone();
    EXPECT_FALSE(connecting_.WaitForNext(Clock::now() + 1h));
    EXPECT_FALSE(board_->HasFailedSince(kSilent, Clock::time_point::min()));
}

TEST_F(ConnectingTest, OneThatIsBegunOnceMoreIsWaitedForAgain) {
    connecting_.Begin(kSilent);
    connecting_.LeaveAlone();
    connecting_.Begin(kSilent);
    const auto end = connecting_.WaitForNext(Clock::now() + 1h);
    ASSERT_TRUE(end && end->error);
    EXPECT_FALSE(connecting_.WaitForNext(Clock::now() + 1h)) << "it was but one";
}

TEST_F(ConnectingTest, TheBoardHearsWhatComesOfALook) {
    connecting_.LookAt(kDown);
    EXPECT_FALSE(connecting_.WaitForNext(Clock::now() + 1h));
    test::WaitUntil("the board to hear of it",
                    [this] { return board_->HasFailedSince(kDown, Clock::time_point::min()); });
}

}  // namespace
}  // namespace policyd::mysql
