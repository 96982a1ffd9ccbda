#include "common/log/warning_budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::log {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

int Taken(WarningBudget& budget, int tries, std::chrono::milliseconds now) {
    int taken = 0;
    for (int i = 0; i < tries; ++i) taken += budget.Take(now) ? 1 : 0;
    return taken;
}

TEST(WarningBudgetTest, LetsTenWarningsThroughEachMinute) {
    WarningBudget budget("clients");
    EXPECT_EQ(Taken(budget, 1000, 5s), 10);
    EXPECT_EQ(Taken(budget, 1000, 64'999ms), 0);
    EXPECT_EQ(Taken(budget, 1000, 65s), 10);
}

TEST(WarningBudgetTest, TellsOfTheOthersWithTheNextAndAtItsEnd) {
    const test::ScratchDirectory scratch;
    const auto path = scratch / "log";
    Configure("policyd", {.destination = "file:" + path.string(), .level = "warning"});
    {
        WarningBudget budget("clients");
        Taken(budget, 14, 5s);
        Taken(budget, 12, 65s);
    }
    Shutdown();
    const std::string written = test::ReadFile(path);
    EXPECT_THAT(written, HasSubstr("clients: 4 more warnings were not logged"));
    EXPECT_THAT(written, HasSubstr("clients: 2 more warnings were not logged"));
}

TEST(WarningBudgetTest, SaysTheSameOnceInAPeriod) {
    WarningBudget budget("recipients");
    EXPECT_TRUE(budget.TakeOnce(0ms, "ann"));
    EXPECT_FALSE(budget.TakeOnce(1ms, "ann"));
    EXPECT_TRUE(budget.TakeOnce(2ms, "bob"));
    for (int i = 2; i < WarningBudget::kEachPeriod; ++i) EXPECT_TRUE(budget.Take(3ms)) << i;
    EXPECT_FALSE(budget.TakeOnce(4ms, "joe"));
    EXPECT_TRUE(budget.Take(WarningBudget::kPeriod));
    EXPECT_TRUE(budget.TakeOnce(WarningBudget::kPeriod, "ann"));
}

}  // namespace
}  // namespace policyd::log
