#include "policyd/scanner/priority.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

namespace policyd::scanner {
namespace {

struct Priority {
    int nice = 0;
    long io = 0;
    bool operator==(const Priority&) const = default;
};

Priority Own() {
    constexpr int kWhoProcess = 1;
    return {getpriority(PRIO_PROCESS, 0), syscall(SYS_ioprio_get, kWhoProcess, 0)};
}

/// Calls LowerPriority() in a thread, which does not get its priority back, and returns that of a
/// thread that it then starts.
Priority OfThreadStartedAfter(int nice, std::string_view io_priority) {
    Priority priority;
    std::thread([&] {
        LowerPriority(nice, io_priority);
        std::thread([&] { priority = Own(); }).join();
    }).join();
    return priority;
}

constexpr long kBestEffort = 2 << 13;
constexpr long kIdle = 3 << 13;

TEST(PriorityTest, IsThatOfEveryThreadStartedAfterwards) {
    EXPECT_EQ(OfThreadStartedAfter(19, "idle"), (Priority{19, kIdle}));
    EXPECT_EQ(OfThreadStartedAfter(19, "low"), (Priority{19, kBestEffort | 7}));
}

TEST(PriorityTest, OfOthersIsLeftAlone) {
    const Priority before = Own();
    OfThreadStartedAfter(19, "idle");
    EXPECT_EQ(Own(), before);
}

TEST(PriorityTest, StaysWhereNothingElseIsAskedFor) {
    EXPECT_EQ(OfThreadStartedAfter(-20, "normal"), Own());
}

}  // namespace
}  // namespace policyd::scanner
