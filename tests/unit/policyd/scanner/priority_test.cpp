#include "policyd/scanner/priority.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
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

/// The nice value of the session of a process that called LowerPriority(); -100 if the kernel
/// knows none.
int NiceOfSessionAfter(int nice, bool leads_its_own) {
    const pid_t process = fork();
    if (process == 0) {
        if (leads_its_own) setsid();
        LowerPriority(nice, "normal");
        std::string name;
        std::string word;
        int value = -100;
        std::ifstream("/proc/self/autogroup") >> name >> word >> value;
        _exit(value + 100);
    }
    int status = 0;
    waitpid(process, &status, 0);
    return WEXITSTATUS(status) - 100;
}

TEST(PriorityTest, IsThatOfASessionThatTheProcessLeads) {
    const int before = NiceOfSessionAfter(0, false);
    if (before == -100) GTEST_SKIP() << "this kernel has no autogroups";
    EXPECT_EQ(NiceOfSessionAfter(17, true), 17);
    EXPECT_EQ(NiceOfSessionAfter(17, false), before) << "there are others in the session";
}

}  // namespace
}  // namespace policyd::scanner
