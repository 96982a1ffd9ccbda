#include "policyd/server/service_manager.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

namespace policyd::server {
namespace {

using namespace std::chrono_literals;

TEST(WatchdogPeriodTest, IsHalfTheTimeThatTheServiceManagerWaits) {
    setenv("WATCHDOG_USEC", "3000000", 1);
    EXPECT_EQ(WatchdogPeriod(), 1500ms);
    unsetenv("WATCHDOG_USEC");
    EXPECT_EQ(WatchdogPeriod(), std::nullopt);
}

TEST(PassedSocketsTest, ThereAreNoneWithoutAServiceManager) {
    EXPECT_TRUE(TakePassedSockets().policy.empty());
}

}  // namespace
}  // namespace policyd::server
