#include "loadtest/arrivals.hpp"

#include <gtest/gtest.h>

namespace policyd::loadtest {
namespace {

using namespace std::chrono_literals;

TEST(EvenArrivalsTest, AreTheSameTimeApartWithoutDrifting) {
    EvenArrivals arrivals(3);
    EXPECT_EQ(arrivals.Next(), 0ns);
    EXPECT_EQ(arrivals.Next(), 333'333'333ns);
    EXPECT_EQ(arrivals.Next(), 666'666'667ns);
    EXPECT_EQ(arrivals.Next(), 1s);
    for (int i = 4; i < 30'000; ++i) arrivals.Next();
    EXPECT_EQ(arrivals.Next(), 10'000s);
}

TEST(PoissonArrivalsTest, NeverGoBackAndKeepTheRate) {
    PoissonArrivals arrivals(1000, 5);
    std::chrono::nanoseconds before{0};
    for (int i = 0; i < 20'000; ++i) {
        const std::chrono::nanoseconds next = arrivals.Next();
        EXPECT_GE(next, before);
        before = next;
    }
    EXPECT_NEAR(std::chrono::duration<double>(before).count(), 20, 0.5);
}

TEST(BurstArrivalsTest, ComeTogether) {
    BurstArrivals arrivals(2, 250ms);
    EXPECT_EQ(arrivals.Next(), 0ns);
    EXPECT_EQ(arrivals.Next(), 0ns);
    EXPECT_EQ(arrivals.Next(), 250ms);
    EXPECT_EQ(arrivals.Next(), 250ms);
    EXPECT_EQ(arrivals.Next(), 500ms);
}

TEST(BurstArrivalsTest, AreCountedAsIfOneByOne) {
    for (const int passed : {0, 1, 2, 5}) {
        for (const auto time : {0ms, 249ms, 250ms, 700ms}) {
            BurstArrivals arrivals(2, 250ms);
            BurstArrivals others(2, 250ms);
            for (int i = 0; i < passed; ++i) EXPECT_EQ(arrivals.Next(), others.Next());
            EXPECT_EQ(arrivals.CountUntil(time), others.Arrivals::CountUntil(time));
        }
    }
}

TEST(ArrivalsAtRateTest, IsAClosedLoopWithoutARate) {
    Options options;
    EXPECT_EQ(ArrivalsAtRate(options), nullptr);
    options.rate = 10;
    EXPECT_EQ(ArrivalsAtRate(options)->Next(), 0ns);
    options.arrivals = "poisson";
    EXPECT_GT(ArrivalsAtRate(options)->Next(), 0ns);
}

TEST(ArrivalsInBurstsTest, AreTenForEachConnectionUnlessSaid) {
    Options options;
    options.connections = 3;
    const auto usual = ArrivalsInBursts(options);
    for (int i = 0; i < 30; ++i) EXPECT_EQ(usual->Next(), 0ns);
    EXPECT_EQ(usual->Next(), 1s);

    options.burst_size = 1;
    options.burst_every_s = 0.5;
    const auto chosen = ArrivalsInBursts(options);
    EXPECT_EQ(chosen->Next(), 0ns);
    EXPECT_EQ(chosen->Next(), 500ms);
}

}  // namespace
}  // namespace policyd::loadtest
