#include "loadtest/rate_control.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/task.hpp"

namespace policyd::loadtest {
namespace {

using namespace std::chrono_literals;

/// Due at given times, and then never.
class ListedArrivals final : public Arrivals {
public:
    explicit ListedArrivals(std::vector<std::chrono::nanoseconds> times)
        : times_(std::move(times)) {}

    std::chrono::nanoseconds Next() override {
        return next_ < times_.size() ? times_[next_++] : std::chrono::hours(1);
    }

private:
    std::vector<std::chrono::nanoseconds> times_;
    std::size_t next_ = 0;
};

struct Taken {
    int who;
    std::optional<Time> due;
};

async::Task<> TakeOne(RateControl& control, int who, std::vector<Taken>& taken) {
    const std::optional<Time> due = co_await control.Next();
    taken.push_back({who, due});
}

async::Task<> TakeAll(RateControl& control, int& turns) {
    for (;;) {
        const std::optional<Time> due = co_await control.Next();
        if (!due) co_return;
        ++turns;
    }
}

void Start(async::Task<> task) {
    async::Spawn(std::move(task), [](std::exception_ptr) { FAIL(); });
}

TEST(RateControlTest, AClosedLoopIsDueAtOnceUntilItIsStopped) {
    async::EventLoop loop;
    RateControl control(loop.Raw(), nullptr, 0);
    control.Start();
    std::vector<Taken> taken;
    const Time before = std::chrono::steady_clock::now();
    Start(TakeOne(control, 1, taken));
    control.Stop();
    Start(TakeOne(control, 2, taken));
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_GE(*taken[0].due, before);
    EXPECT_EQ(taken[1].due, std::nullopt);
}

TEST(RateControlTest, GivesOutNoMoreRequestsThanAsked) {
    async::EventLoop loop;
    RateControl control(loop.Raw(), nullptr, 7);
    control.Start();
    int turns = 0;
    Start(TakeAll(control, turns));
    EXPECT_EQ(turns, 7);
}

TEST(RateControlTest, WhoHasWaitedLongestTakesWhatBecomesDue) {
    async::EventLoop loop;
    const std::vector<std::chrono::nanoseconds> times{2ms, 4ms, 4ms};
    RateControl control(loop.Raw(), std::make_unique<ListedArrivals>(times), 0);
    control.Start();
    std::vector<Taken> taken;
    for (const int who : {1, 2, 3}) Start(TakeOne(control, who, taken));
    EXPECT_TRUE(taken.empty());
    while (taken.size() < 3) loop.RunOnce();
    EXPECT_EQ(taken[0].who, 1);
    EXPECT_EQ(taken[1].who, 2);
    EXPECT_EQ(taken[2].who, 3);
    EXPECT_EQ(*taken[1].due - *taken[0].due, 2ms);
    EXPECT_EQ(*taken[2].due, *taken[1].due);
}

TEST(RateControlTest, WhatIsDueStaysDueWhileEveryoneIsBusy) {
    async::EventLoop loop;
    const std::vector<std::chrono::nanoseconds> times{0ns, 1us, 2us, 3us, 4us};
    RateControl control(loop.Raw(), std::make_unique<ListedArrivals>(times), 0);
    control.Start();
    const Time later = std::chrono::steady_clock::now() + 1ms;
    while (std::chrono::steady_clock::now() < later) continue;
    std::vector<Taken> taken;
    for (const int who : {1, 2}) Start(TakeOne(control, who, taken));
    ASSERT_EQ(taken.size(), 2U);  // without waiting, and due when they were due
    EXPECT_EQ(*taken[1].due - *taken[0].due, 1us);
    control.Stop();
    EXPECT_EQ(control.Overdue(), 3U);
}

TEST(RateControlTest, BurstsOfMillionsThatNobodySentAreCountedAtOnce) {
    async::EventLoop loop;
    RateControl control(loop.Raw(), std::make_unique<BurstArrivals>(10'000'000, 10us), 0);
    control.Start();
    std::vector<Taken> taken;
    Start(TakeOne(control, 1, taken));
    const Time later = std::chrono::steady_clock::now() + 20ms;
    while (std::chrono::steady_clock::now() < later) continue;
    control.Stop();
    EXPECT_LT(std::chrono::steady_clock::now() - later, 5s);
    EXPECT_GT(control.Overdue(), 20'000'000'000U);
    EXPECT_EQ(control.Overdue() % 10'000'000, 9'999'999U);
}

TEST(RateControlTest, NothingIsOverdueThatIsStoppedBeforeItBegan) {
    async::EventLoop loop;
    const std::vector<std::chrono::nanoseconds> times{1ns};
    RateControl control(loop.Raw(), std::make_unique<ListedArrivals>(times), 0);
    control.Stop();
    EXPECT_EQ(control.Overdue(), 0U);
}

TEST(RateControlTest, WhatBecomesDueAtTheEndIsNotOverdueWhileSomebodyIsFree) {
    async::EventLoop loop;
    const std::vector<std::chrono::nanoseconds> times{1ms, 1ms};
    RateControl control(loop.Raw(), std::make_unique<ListedArrivals>(times), 0);
    control.Start();
    std::vector<Taken> taken;
    Start(TakeOne(control, 1, taken));
    const Time later = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < later) continue;
    control.Stop();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].due, std::nullopt);
    EXPECT_EQ(control.Overdue(), 0U);
}

TEST(RateControlTest, StoppingWakesThoseWhoWait) {
    async::EventLoop loop;
    const std::vector<std::chrono::nanoseconds> never{};
    RateControl control(loop.Raw(), std::make_unique<ListedArrivals>(never), 0);
    control.Start();
    std::vector<Taken> taken;
    for (const int who : {1, 2}) Start(TakeOne(control, who, taken));
    control.Stop();
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].due, std::nullopt);
    EXPECT_EQ(control.Overdue(), 0U);
}

}  // namespace
}  // namespace policyd::loadtest
