#include "common/async/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
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

}  // namespace
}  // namespace policyd::async
