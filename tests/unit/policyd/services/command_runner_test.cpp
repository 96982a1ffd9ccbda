#include "policyd/services/command_runner.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <thread>

#include "common/metrics/series.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::services {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

double Counted(const char* result) {
    return metrics::Value(metrics::Metric::kQuotaWarningCommands, {result});
}

void ExpectOneMore(const char* result, double before) {
    test::WaitUntil(result, [&] { return Counted(result) > before; });
    EXPECT_EQ(Counted(result), before + 1);
}

/// For its life, the process can open nothing.
class NoDescriptors {
public:
    NoDescriptors() {
        getrlimit(RLIMIT_NOFILE, &before_);
        const int lowest = open("/dev/null", O_RDONLY);
        close(lowest);
        const rlimit none{static_cast<rlim_t>(lowest), before_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST(CommandRunnerTest, CountsWhatBecameOfACommand) {
    CommandRunner runner;
    const double successes = Counted("success");
    runner.Use({"/bin/true", minutes(1), milliseconds(0)});
    runner.Run({});
    ExpectOneMore("success", successes);
    runner.Run({});
    ExpectOneMore("success", successes + 1);
    const double failures = Counted("failure");
    runner.Use({"/bin/false", minutes(1), milliseconds(0)});
    runner.Run({});
    ExpectOneMore("failure", failures);
    runner.Use({"/nowhere", minutes(1), milliseconds(0)});
    runner.Run({});
    ExpectOneMore("failure", failures + 1);
}

/// For its life, nobody is told what becomes of children.
struct IgnoredChildren {
    ~IgnoredChildren() { signal(SIGCHLD, before); }
    const sighandler_t before = signal(SIGCHLD, SIG_IGN);
};

TEST(CommandRunnerTest, CountsWhatItCannotBeToldOf) {
    const IgnoredChildren ignored;
    CommandRunner runner;
    const double failures = Counted("failure");
    runner.Use({"/bin/true", minutes(1), milliseconds(0)});
    runner.Run({});
    ExpectOneMore("failure", failures);
}

TEST(CommandRunnerTest, DoesNotWaitForACommandThatNobodyCanTellItOf) {
    const IgnoredChildren ignored;
    CommandRunner runner;
    const double failures = Counted("failure");
    runner.Use({"/bin/true", minutes(1), milliseconds(0)});
    const NoDescriptors none;  // to wait for its end with
    runner.Run({});
    ExpectOneMore("failure", failures);
}

TEST(CommandRunnerTest, RunsNothingForANameThatCouldForgeALine) {
    CommandRunner runner;
    runner.Use({"/bin/true", minutes(1), milliseconds(0)});
    const double dropped = Counted("dropped");
    const double successes = Counted("success");
    for (const char* name : {"a\nBcc: b", "a\x1b[31m", "a\u202eb", "a\xff"})
        runner.Run({{name, "80"}});
    EXPECT_EQ(Counted("dropped"), dropped + 4);
    runner.Run({{"-a b\\'é", "80"}});
    ExpectOneMore("success", successes);
}

TEST(CommandRunnerTest, KillsWhatTakesTooLong) {
    CommandRunner runner;
    const double timeouts = Counted("timeout");
    runner.Use({"/bin/sleep", milliseconds(50), milliseconds(0)});
    runner.Run({{"1000"}});
    ExpectOneMore("timeout", timeouts);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

/// The commands are scripts for sh, which may write into a file.
class CommandRunnerScriptTest : public testing::Test {
protected:
    CommandRunner::Wanted Script(const std::string& script) const {
        return {{"-c", script, "sh", written_.string()}};
    }
    std::string Written() const { return test::ReadFile(written_); }

    const test::ScratchDirectory scratch_;
    const std::filesystem::path written_ = scratch_.Write("written", "");
};

TEST_F(CommandRunnerScriptTest, ACommandHasNothingOfOurs) {
    const int ours = open("/dev/null", O_RDONLY);  // which a program that it starts would keep
    const auto handler = signal(SIGPIPE, SIG_IGN);
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    {
        CommandRunner runner;
        const double failures = Counted("failure");
        runner.Use({"/bin/sh", minutes(1), milliseconds(0)});
        runner.Run(Script("ls /proc/self/fd >$1; kill -PIPE $$; echo ignores it >>$1"));
        ExpectOneMore("failure", failures);
        runner.Run(Script("kill -TERM $$; echo blocks it >>$1"));
        ExpectOneMore("failure", failures + 1);
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    signal(SIGPIPE, handler);
    close(ours);
    EXPECT_EQ(Written(), "0\n1\n2\n3\n") << "the last one is of the directory";
}

TEST_F(CommandRunnerScriptTest, CommandsRunInTheirOrderWithAPauseBetweenTwoStarts) {
    constexpr milliseconds kPause{100};
    CommandRunner runner;
    const double successes = Counted("success");
    runner.Use({"/bin/sh", minutes(1), kPause});
    const auto begin = std::chrono::steady_clock::now();
    for (const char* word : {"one", "two", "three"})
        runner.Run(Script(std::string("echo ") + word + " >>$1"));
    test::WaitUntil("all", [&] { return Counted("success") == successes + 3; });
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 2 * kPause);
    EXPECT_EQ(Written(), "one\ntwo\nthree\n");
}

TEST_F(CommandRunnerScriptTest, ACommandThatRunsIsLeftToItselfAndWhatWaitsIsDropped) {
    std::optional<CommandRunner> runner(std::in_place);
    const double dropped = Counted("dropped");
    const double successes = Counted("success");
    const double failures = Counted("failure");
    runner->Use({"/bin/sh", minutes(1), milliseconds(0)});
    runner->Run(Script("echo $$ >$1; exec sleep 1000"));
    test::WaitUntil("its start", [&] { return !Written().empty(); });
    runner->Run(Script("echo again >>$1"));
    runner.reset();
    const pid_t command = std::stoi(Written());
    EXPECT_EQ(kill(command, SIGKILL), 0);
    EXPECT_EQ(waitpid(command, nullptr, 0), command) << "it was running";
    EXPECT_EQ(Written(), std::to_string(command) + '\n');
    EXPECT_EQ(Counted("dropped"), dropped + 1);
    EXPECT_EQ(Counted("success"), successes);
    EXPECT_EQ(Counted("failure"), failures);
}

TEST(CommandRunnerTest, WaitsWithSoManyAndDropsWhatComesAfterThem) {
    std::optional<CommandRunner> runner(std::in_place, 3);
    const double failures = Counted("failure");
    const double dropped = Counted("dropped");
    runner->Use({"/bin/false", minutes(1), minutes(10)});
    runner->Run({});
    ExpectOneMore("failure", failures);
    for (const char* word : {"one", "two", "three", "four"}) runner->Run({{word}, 7});
    EXPECT_EQ(Counted("dropped"), dropped + 1);
    const std::vector<CommandRunner::Wanted> taken = runner->TakeWaiting(2);
    ASSERT_THAT(taken, testing::SizeIs(2)) << "the last first";
    EXPECT_THAT(taken[0].arguments, testing::ElementsAre("three"));
    EXPECT_THAT(taken[1].arguments, testing::ElementsAre("two"));
    EXPECT_EQ(taken[0].mark, 7u);
    EXPECT_TRUE(runner->HasWaiting());
    runner->Drop(taken.size());
    EXPECT_EQ(Counted("dropped"), dropped + 3);
    runner.reset();
    EXPECT_EQ(Counted("dropped"), dropped + 4);
    EXPECT_EQ(Counted("failure"), failures + 1);
}

TEST(CommandRunnerTest, LeavesNothingOpen) {
    const auto open_files = [] {
        const std::filesystem::directory_iterator files("/proc/self/fd");
        return std::distance(begin(files), end(files));
    };
    CommandRunner runner;
    const double successes = Counted("success");
    runner.Use({"/bin/true", minutes(1), milliseconds(0)});
    const auto before = open_files();
    runner.Run({});
    ExpectOneMore("success", successes);
    EXPECT_EQ(open_files(), before);
}

TEST(CommandRunnerTest, KnowsTheEndOfACommandAlsoWhenItCanOpenNothing) {
    CommandRunner runner;
    const double successes = Counted("success");
    const double timeouts = Counted("timeout");
    {
        const NoDescriptors none;
        runner.Use({"/bin/sleep", minutes(1), milliseconds(0)});
        runner.Run({{"0.2"}});
        test::WaitUntil("success", [&] { return Counted("success") > successes; });
    }
    EXPECT_EQ(Counted("timeout"), timeouts);
}

/// For its life, the process can have no further thread.
class NoThreads {
public:
    NoThreads() {
        pthread_getattr_default_np(&before_);
        pthread_attr_t too_large;
        pthread_getattr_default_np(&too_large);
        pthread_attr_setstacksize(&too_large, std::size_t{1} << 47);
        pthread_setattr_default_np(&too_large);
    }
    ~NoThreads() { pthread_setattr_default_np(&before_); }

private:
    pthread_attr_t before_;
};

TEST(CommandRunnerTest, RunsLaterWhatCouldGetNoThread) {
    CommandRunner runner;
    const double successes = Counted("success");
    const double dropped = Counted("dropped");
    runner.Use({"/bin/true", minutes(1), milliseconds(0)});
    {
        const NoThreads none;
        runner.Run({});
        runner.Tend();
    }
    EXPECT_TRUE(runner.HasWaiting());
    runner.Tend();
    ExpectOneMore("success", successes);
    EXPECT_EQ(Counted("dropped"), dropped);
}

TEST(CommandRunnerTest, GoesByWhatIsToRunNowForWhatWaitsToo) {
    CommandRunner runner;
    const double successes = Counted("success");
    const double failures = Counted("failure");
    runner.Use({"/bin/false", minutes(1), minutes(10)});
    runner.Run({});
    ExpectOneMore("failure", failures);
    runner.Run({});  // after ten minutes
    std::this_thread::sleep_for(milliseconds(50));
    runner.Use({"/bin/true", minutes(1), milliseconds(0)});
    ExpectOneMore("success", successes);
    EXPECT_EQ(Counted("failure"), failures + 1);
}

TEST(CommandRunnerTest, DropsWhatWaitsWhereNothingIsToRunAnyMore) {
    std::optional<CommandRunner> runner(std::in_place);
    const double failures = Counted("failure");
    const double dropped = Counted("dropped");
    runner->Use({"/bin/false", minutes(1), minutes(10)});
    runner->Run({});
    ExpectOneMore("failure", failures);
    runner->Run({});
    runner->Use({});
    EXPECT_EQ(Counted("dropped"), dropped + 1);
    runner->Run({});
    runner.reset();
    EXPECT_EQ(Counted("dropped"), dropped + 1) << "nobody wants it";
    EXPECT_EQ(Counted("failure"), failures + 1);
}

}  // namespace
}  // namespace policyd::services
