#include "loadtest/plot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scratch_directory.hpp"

namespace policyd::loadtest {
namespace {

using namespace std::chrono_literals;

class PlotTest : public testing::Test {
protected:
    bool Draws(const std::string& what) const {
        const auto path = scratch_ / ("p-" + what + ".svg");
        return std::filesystem::exists(path) &&
               test::ReadFile(path).find("</svg>") != std::string::npos;
    }

    test::ScratchDirectory scratch_;
    const std::string prefix_ = scratch_ / "p";
    Result result_;
};

TEST_F(PlotTest, DrawsTheRateOfARunWithoutAnyAnswer) {
    result_.tally.EndInterval(1);
    Plot(prefix_, Options(), result_);
    EXPECT_TRUE(Draws("rate"));
    EXPECT_FALSE(Draws("latency"));
}

TEST_F(PlotTest, DrawsTheLatencyOfAnswersThatCameLate) {
    result_.tally.EndInterval(1);
    result_.tally.End();
    result_.tally.Count(Outcome(), 2s, true);
    Plot(prefix_, Options(), result_);
    EXPECT_TRUE(Draws("rate"));
    EXPECT_TRUE(Draws("latency"));
}

TEST_F(PlotTest, DrawsNothingOfARunThatEndedInTheWarmUp) {
    Plot(prefix_, Options(), result_);
    EXPECT_FALSE(Draws("rate"));
}

}  // namespace
}  // namespace policyd::loadtest
