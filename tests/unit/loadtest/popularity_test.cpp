#include "loadtest/popularity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace policyd::loadtest {
namespace {

std::vector<double> SharesOf(const Popularity& popularity, std::size_t count) {
    constexpr int kChoices = 40'000;
    Random random(7);
    std::vector<double> shares(count);
    for (int i = 0; i < kChoices; ++i) shares.at(popularity.Choose(random)) += 1.0 / kChoices;
    return shares;
}

TEST(PopularityTest, UniformChoosesAllAlike) {
    for (const double share : SharesOf(Popularity(10, 0), 10)) EXPECT_NEAR(share, 0.1, 0.005);
}

TEST(PopularityTest, ZipfChoosesInProportionToThePlace) {
    const std::vector<double> shares = SharesOf(Popularity(100, 1), 100);
    EXPECT_NEAR(shares[0] / shares[1], 2, 0.1);
    EXPECT_NEAR(shares[0] / shares[9], 10, 1);
    EXPECT_NEAR(shares[0], 1 / 5.187, 0.005);  // the 100th harmonic number
}

TEST(PopularityTest, ALargerExponentPrefersTheFirstMore) {
    EXPECT_GT(SharesOf(Popularity(100, 1.5), 100)[0], SharesOf(Popularity(100, 1), 100)[0] + 0.1);
}

TEST(PopularityTest, HasNothingToChooseFromNothing) {
    EXPECT_THROW(Popularity(0, 0), std::invalid_argument);
}

TEST(PopularityTest, OneOfOneIsAlwaysTheFirst) {
    Random random(1);
    EXPECT_EQ(Popularity(1, 0).Choose(random), 0U);
    EXPECT_EQ(Popularity(1, 2).Choose(random), 0U);
}

TEST(PopularityTest, ReadsItsNames) {
    EXPECT_EQ(ParsePopularity("uniform"), 0);
    EXPECT_EQ(ParsePopularity("zipf"), 1);
    EXPECT_EQ(ParsePopularity("zipf:1.25"), 1.25);
    for (const char* wrong : {"", "Zipf", "zipf:", "zipf:0", "zipf:-1", "zipf:1x", "zipf:11"})
        EXPECT_THROW(ParsePopularity(wrong), std::invalid_argument) << wrong;
}

TEST(RandomTest, IsTheSameForTheSameSeedAndStaysInItsBounds) {
    Random one(42);
    Random same(42);
    Random other(43);
    EXPECT_EQ(one(), same());
    EXPECT_NE(one(), other());
    for (int i = 0; i < 10'000; ++i) {
        EXPECT_LT(one.Below(3), 3U);
        const double share = one.Share();
        EXPECT_TRUE(share >= 0 && share < 1);
    }
    EXPECT_FALSE(one.Happens(0));
    EXPECT_TRUE(one.Happens(100));
}

}  // namespace
}  // namespace policyd::loadtest
