#include "common/async/beside.hpp"

#include <gtest/gtest.h>

#include "tests/support/run_to_end.hpp"

namespace policyd::async {
namespace {

Task<> WaitFor(WakeUp& wake_up, bool& has_ended) {
    co_await wake_up.Wait();
    has_ended = true;
}

Task<bool> RunBeside(WakeUp& wake_up, bool& has_ended, bool ends_first) {
    Beside other(WaitFor(wake_up, has_ended));
    const bool was_beside = !has_ended;
    if (ends_first) wake_up.Set();
    co_await other.End();
    co_return was_beside;
}

TEST(BesideTest, WaitsForTheEndOfWhatRunsBesideIt) {
    WakeUp wake_up;
    bool has_ended = false;
    bool was_beside = false;
    const auto keep = [](Task<bool> task, bool& result) -> Task<> { result = co_await task; };
    Spawn(keep(RunBeside(wake_up, has_ended, false), was_beside));
    EXPECT_FALSE(was_beside) << "it waits";
    wake_up.Set();
    EXPECT_TRUE(has_ended);
    EXPECT_TRUE(was_beside);
}

TEST(BesideTest, NoticesAnEndThatCameBeforeItWaited) {
    WakeUp wake_up;
    bool has_ended = false;
    EXPECT_TRUE(test::RunToEnd(RunBeside(wake_up, has_ended, true)));
    EXPECT_TRUE(has_ended);
}

}  // namespace
}  // namespace policyd::async
