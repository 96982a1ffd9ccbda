#include "common/log/warning_budget.hpp"

#include <gtest/gtest.h>

namespace policyd::log {
namespace {

using namespace std::chrono_literals;

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

}  // namespace
}  // namespace policyd::log
