#include "common/async/event_loop.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "common/async/timer.hpp"
#include "tests/support/few_descriptors.hpp"

namespace policyd::async {
namespace {

std::ptrdiff_t OpenDescriptors() {
    const std::filesystem::directory_iterator open("/proc/self/fd");
    return std::distance(begin(open), end(open));
}

bool CanBeMadeWith(int descriptors) {
    const test::FewDescriptors few(descriptors);
    try {
        const EventLoop loop;
        return true;
    } catch (const UvError&) {
        return false;
    }
}

TEST(EventLoopTest, LeavesNoDescriptorBehindWhereThereAreTooFew) {
    { const EventLoop opens_what_libuv_keeps; }
    const std::ptrdiff_t before = OpenDescriptors();
    int needed = 0;
    while (needed < 20 && !CanBeMadeWith(needed)) {
        EXPECT_EQ(OpenDescriptors(), before) << needed;
        ++needed;
    }
    EXPECT_GT(needed, 1);
    EXPECT_LT(needed, 20);
    EXPECT_EQ(OpenDescriptors(), before);
}

TEST(EventLoopTest, WaitsForWhatIsLeftForNoLongerThanItMay) {
    EventLoop loop;
    Timer timer(loop.Raw(), [] {});
    timer.Start(std::chrono::hours(1));
    EXPECT_FALSE(loop.DrainWithin(std::chrono::milliseconds(20)));
    timer.Start(std::chrono::milliseconds(10));
    EXPECT_TRUE(loop.DrainWithin(std::chrono::minutes(1)));
    EXPECT_FALSE(timer.IsRunning());
}

}  // namespace
}  // namespace policyd::async
