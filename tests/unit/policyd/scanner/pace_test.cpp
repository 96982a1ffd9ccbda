#include "policyd/scanner/pace.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace policyd::scanner {
namespace {

using namespace std::chrono_literals;

/// How much work gets done in ten seconds in which every pause takes `longer` than it should, and
/// every piece of work no time.
std::uint64_t DoneInTenSeconds(Pace& pace, std::uint64_t piece, std::chrono::nanoseconds longer) {
    const Pace::Clock::time_point begin = Pace::Clock::time_point() + 1h;
    std::uint64_t done = 0;
    for (auto now = begin; now < begin + 10s; done += piece) {
        const std::chrono::nanoseconds pause = pace.PauseAfter(piece, now);
        if (pause > 0ns) now += pause + longer;
    }
    return done;
}

TEST(PaceTest, KeepsAHighRateAlthoughEverySleepTakesTooLong) {
    for (const auto longer : {0us, 60us, 5000us}) {
        Pace pace(50'000);
        const auto done = static_cast<double>(DoneInTenSeconds(pace, 1, longer));
        EXPECT_NEAR(done, 500'000, 5'000) << longer.count() << " us";
    }
}

TEST(PaceTest, KeepsTheRateWhereOnePieceTakesSeconds) {
    Pace pace(1'000);
    EXPECT_NEAR(static_cast<double>(DoneInTenSeconds(pace, 3'000, 1ms)), 12'000, 3'000);
}

TEST(PaceTest, DoesNotMakeUpForTimeInWhichThereWasNothingToDo) {
    Pace pace(1'000);
    const Pace::Clock::time_point now = Pace::Clock::time_point() + 1h;
    pace.PauseAfter(1, now);
    EXPECT_GT(pace.PauseAfter(100, now + 1min), 50ms);
}

TEST(PaceTest, NobodyWaitsWhileSomethingCannotWait) {
    Pace pace(10);
    std::thread waiting([&pace] { pace.Spend(36'000); });  // for an hour
    pace.Hurry(true);
    waiting.join();
    pace.Hurry(false);
    EXPECT_GT(pace.PauseAfter(1, Pace::Clock::now()), 50min);
}

TEST(PaceTest, WorkThatCannotWaitLeavesHalfTheRate) {
    Pace pace(1'000);
    const Pace::Clock::time_point begin = Pace::Clock::time_point() + 1h;
    std::uint64_t done = 0;
    for (auto now = begin; now < begin + 10s; done += 10) {
        pace.ChargeAtOnce(5'000, now);
        now += std::max<std::chrono::nanoseconds>(pace.PauseAfter(10, now), 1ms);
    }
    EXPECT_NEAR(static_cast<double>(done), 5'000, 500);
}

TEST(PaceTest, WorkThatCannotWaitHoldsUpOtherWorkForASecondAtMostAfterwards) {
    Pace pace(1'000);
    const Pace::Clock::time_point begin = Pace::Clock::time_point() + 1h;
    pace.ChargeAtOnce(36'000, begin);
    std::uint64_t done = 0;
    for (auto now = begin; now < begin + 10s; done += 10)
        now += std::max<std::chrono::nanoseconds>(pace.PauseAfter(10, now), 1ms);
    EXPECT_NEAR(static_cast<double>(done), 9'000, 600);
}

}  // namespace
}  // namespace policyd::scanner
