#include "loadtest/process_usage.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/support/process.hpp"

namespace policyd::loadtest {
namespace {

/// Uses at least so much CPU time of this process.
void Work(double seconds) {
    const double until = UsageOfMachine().own_s + seconds;
    while (UsageOfMachine().own_s < until) continue;
}

TEST(ProcessUsageTest, MeasuresOurOwnWork) {
    const ProcessUsage before = UsageOf({getpid()});
    Work(0.1);
    const ProcessUsage after = UsageOf({getpid()});
    EXPECT_GE(after.cpu_s - before.cpu_s, 0.07);
    EXPECT_GT(after.rss, 1'000'000U);
    EXPECT_EQ(after.processes, 1U);
}

TEST(ProcessUsageTest, CountsChildrenAlsoAfterTheirEnd) {
    const ProcessUsage before = UsageOf({getpid()});
    {
        test::Process child(
            {"sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; read x"}, {});
        EXPECT_EQ(UsageOf({getpid()}).processes, before.processes + 1);
    }
    test::Run({"sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"});
    const ProcessUsage after = UsageOf({getpid()});
    EXPECT_EQ(after.processes, before.processes);
    EXPECT_GT(after.cpu_s, before.cpu_s);
}

TEST(ProcessUsageTest, NamesAProcessThatDoesNotRun) {
    test::Process ended({"true"}, {});
    ended.Wait();
    EXPECT_THROW(UsageOf({ended.Pid()}), std::runtime_error);
}

TEST(ProcessUsageTest, OfNobodyIsNothing) {
    EXPECT_EQ(UsageOf({}).processes, 0U);
}

TEST(MachineUsageTest, SeesUsAtWork) {
    const MachineUsage before = UsageOfMachine();
    Work(0.1);
    const MachineUsage after = UsageOfMachine();
    EXPECT_GE(after.own_s - before.own_s, 0.1);
    EXPECT_GE(after.busy_s - before.busy_s, 0.05);
}

}  // namespace
}  // namespace policyd::loadtest
