#include "common/config/failure_action.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace policyd::config {
namespace {

using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;

TEST(FailureActionTest, IsAnActionThatRefusesNothingForGood) {
    EXPECT_EQ(ParseFailureAction("DUNNO").action, "DUNNO");
    EXPECT_EQ(ParseFailureAction("451 4.3.0 Later").action, "451 4.3.0 Later");
    for (const char* wrong : {"", "550 5.1.1 No", "REJECT", "OK", "later", "552"})
        EXPECT_THROW(ParseFailureAction(wrong), std::invalid_argument) << wrong;
}

TEST(FailureActionTest, TheWordDeferAloneDefers) {
    EXPECT_TRUE(ParseFailureAction("defer").action.starts_with("DEFER_IF_PERMIT 4.3.0 "));
}

TEST(FailureActionTest, SaysForHowLongStaleDataComesFirst) {
    const FailureAction failure = ParseFailureAction("stale 10m, then defer");
    EXPECT_EQ(failure.stale_time, 10min);
    EXPECT_TRUE(failure.action.starts_with("DEFER_IF_PERMIT "));
    EXPECT_EQ(ParseFailureAction("stale 0s, then DUNNO").stale_time, 0s);
    EXPECT_EQ(ParseFailureAction("DUNNO").stale_time, std::nullopt);
    for (const char* wrong : {"stale 10m", "stale, then DUNNO", "stale soon, then DUNNO",
                              "stale 1h, then 550 5.1.1 No"})
        EXPECT_THROW(ParseFailureAction(wrong), std::invalid_argument) << wrong;
}

}  // namespace
}  // namespace policyd::config
