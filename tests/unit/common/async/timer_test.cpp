#include "common/async/timer.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "common/async/event_loop.hpp"

namespace policyd::async {
namespace {

using std::chrono::milliseconds;

class TimerTest : public testing::Test {
protected:
    EventLoop loop_;
    int times_ = 0;
    std::optional<Timer> timer_{std::in_place, loop_.Raw(), [this] { ++times_; }};
};

TEST_F(TimerTest, CallsItsFunctionOnceForEachStart) {
    for (const int expected : {1, 2}) {
        timer_->Start(milliseconds(1));
        EXPECT_TRUE(timer_->IsRunning());
        loop_.Run();
        EXPECT_EQ(times_, expected);
        EXPECT_FALSE(timer_->IsRunning());
    }
}

TEST_F(TimerTest, BeginsAnewIfItIsStartedWhileItRuns) {
    timer_->Start(milliseconds(1));
    timer_->Start(std::chrono::hours(1));
    Timer other(loop_.Raw(), [this] { timer_->Stop(); });
    other.Start(milliseconds(20));
    loop_.Run();
    EXPECT_EQ(times_, 0);
}

TEST_F(TimerTest, DoesNotCallWhatWasStopped) {
    timer_->Start(milliseconds(1));
    timer_->Stop();
    EXPECT_FALSE(timer_->IsRunning());
    loop_.Run();
    EXPECT_EQ(times_, 0);
}

TEST_F(TimerTest, MayBeDestroyedByItsFunction) {
    timer_.emplace(loop_.Raw(), [this] {
        ++times_;
        timer_.reset();
    });
    timer_->Start(milliseconds(1));
    loop_.Run();
    EXPECT_EQ(times_, 1);
    EXPECT_FALSE(timer_);
}

TEST_F(TimerTest, LetsTheLoopEndIfItMay) {
    timer_->Start(std::chrono::hours(1));
    timer_->KeepsLoopAlive(false);
    loop_.Run();  // returns
    timer_->KeepsLoopAlive(true);
    timer_->Start(milliseconds(1));
    loop_.Run();
    EXPECT_EQ(times_, 1);
}

}  // namespace
}  // namespace policyd::async
