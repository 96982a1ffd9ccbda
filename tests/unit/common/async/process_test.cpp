#include "common/async/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace policyd::async {
namespace {

TEST(ProcessTest, ASignalThatTheStarterBlockedComesThrough) {
    EXPECT_EXIT(
        {
            sigset_t all;
            sigfillset(&all);
            sigprocmask(SIG_BLOCK, &all, nullptr);
            BeginProcess();
            raise(SIGTERM);
        },
        testing::KilledBySignal(SIGTERM), "");
}

TEST(ProcessTest, AWriteBeyondTheLimitOfFileSizesFailsAndDoesNotKill) {
    EXPECT_EXIT(
        {
            BeginProcess();
            const rlimit none{};
            setrlimit(RLIMIT_FSIZE, &none);
            const bool has_failed = fputc('x', std::tmpfile()) == EOF || fflush(nullptr) == EOF;
            std::_Exit(has_failed && errno == EFBIG ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

TEST(ProcessTest, AStarterThatIgnoresItsChildrenKeepsNobodyFromTheirOwn) {
    EXPECT_EXIT(
        {
            signal(SIGCHLD, SIG_IGN);
            BeginProcess();
            const pid_t child = fork();
            if (child == 0) std::_Exit(3);
            int status = 0;
            const bool is_told = waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3;
            std::_Exit(is_told ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

void PrintTo(int descriptor) {
    BeginProcess();
    dup2(descriptor, STDOUT_FILENO);
    std::fputs("answer", stdout);
    std::_Exit(HasPrintedAll() ? 0 : 1);
}

TEST(ProcessTest, WhatItPrintsIsTakenOrADiskIsFullOrNobodyReadsItAnyMore) {
    int nobody[2];
    int somebody[2];
    ASSERT_EQ(pipe(nobody) + pipe(somebody), 0);
    close(nobody[0]);
    const int full = open("/dev/full", O_WRONLY);
    EXPECT_EXIT(PrintTo(somebody[1]), testing::ExitedWithCode(0), "");
    EXPECT_EXIT(PrintTo(full), testing::ExitedWithCode(1), "");
    EXPECT_EXIT(PrintTo(nobody[1]), testing::KilledBySignal(SIGPIPE), "");
}

}  // namespace
}  // namespace policyd::async
