#include "common/async/within.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"
#include "common/async/wake_up.hpp"

namespace policyd::async {
namespace {

using std::chrono::milliseconds;

class WithinTest : public testing::Test {
protected:
    Task<int> After(milliseconds time) {
        co_await Sleep(loop_.Raw(), time);
        ++ended_;
        co_return 7;
    }
    Task<int> AfterWakeUp() {
        co_await wake_up_.Wait();
        ++ended_;
        co_return 7;
    }
    Task<int> FailAfter(milliseconds time) {
        co_await Sleep(loop_.Raw(), time);
        throw std::runtime_error("failed");
    }
    static Task<int> AtOnce() { co_return 5; }

    std::optional<int> Within(milliseconds limit, Task<int> task) {
        return loop_.RunUntilDone(async::Within(loop_.Raw(), limit, std::move(task)));
    }

    EventLoop loop_;
    WakeUp wake_up_;
    int ended_ = 0;
};

TEST_F(WithinTest, GivesTheResultThatComesInTime) {
    EXPECT_EQ(Within(milliseconds(60'000), AtOnce()), 5);
    EXPECT_EQ(Within(milliseconds(60'000), After(milliseconds(1))), 7);
}

TEST_F(WithinTest, ThrowsWhatComesInTime) {
    EXPECT_THROW(Within(milliseconds(60'000), FailAfter(milliseconds(1))), std::runtime_error);
}

TEST_F(WithinTest, TheTimeBeginsWithTheCallAlsoWhereTheLoopHasNotTurnedForLong) {
    EXPECT_EQ(Within(milliseconds(60'000), After(milliseconds(1))), 7);
    std::this_thread::sleep_for(milliseconds(300));
    EXPECT_EQ(Within(milliseconds(250), After(milliseconds(1))), 7);
}

TEST_F(WithinTest, GivesNothingAfterThatAndTheTaskEndsAlone) {
    EXPECT_EQ(Within(milliseconds(1), AfterWakeUp()), std::nullopt);
    EXPECT_EQ(ended_, 0);
    wake_up_.Set();
    loop_.Drain();
    EXPECT_EQ(ended_, 1);
}

TEST_F(WithinTest, WhatFailsTooLateIsDropped) {
    EXPECT_EQ(Within(milliseconds(1), FailAfter(milliseconds(50))), std::nullopt);
    loop_.Drain();
}

}  // namespace
}  // namespace policyd::async
