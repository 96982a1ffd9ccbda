#include "common/async/signal_watch.hpp"

#include <gtest/gtest.h>
#include <signal.h>

namespace policyd::async {
namespace {

TEST(SignalWatchTest, CallsItsFunctionForEachSignalAndLetsTheLoopEndIfItMay) {
    EventLoop loop;
    int times = 0;
    SignalWatch watch(loop, SIGUSR1, [&times] { ++times; });
    for (int expected : {1, 2}) {
        raise(SIGUSR1);
        while (times < expected) loop.RunOnce();
        EXPECT_EQ(times, expected);
    }
    watch.LetLoopEnd();
    loop.Run();  // returns
}

}  // namespace
}  // namespace policyd::async
