#include "policyd/services/command_runner.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/metrics/series.hpp"
#include "tests/support/process.hpp"

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
    const double failures = Counted("failure");
    runner.Use({"/bin/false", minutes(1), milliseconds(0)});
    runner.Run({});
    ExpectOneMore("failure", failures);
    runner.Use({"/nowhere", minutes(1), milliseconds(0)});
    runner.Run({});
    ExpectOneMore("failure", failures + 1);
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
}

TEST(CommandRunnerTest, KnowsTheEndOfACommandAlsoWhenItCanOpenNothing) {
    CommandRunner runner;
    const double successes = Counted("success");
    const double timeouts = Counted("timeout");
    {
        const NoDescriptors none;
        runner.Use({"/bin/true", std::chrono::seconds(10), milliseconds(0)});
        runner.Run({});
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
    runner.Use({"/bin/true", minutes(1), milliseconds(0)});
    ExpectOneMore("success", successes);
    EXPECT_EQ(Counted("failure"), failures + 1);
}

TEST(CommandRunnerTest, DropsWhatWaitsWhereNothingIsToRunAnyMore) {
    CommandRunner runner;
    const double failures = Counted("failure");
    const double dropped = Counted("dropped");
    runner.Use({"/bin/false", minutes(1), minutes(10)});
    runner.Run({});
    ExpectOneMore("failure", failures);
    runner.Run({});
    runner.Use({});
    EXPECT_EQ(Counted("dropped"), dropped + 1);
    runner.Run({});
    EXPECT_EQ(Counted("dropped"), dropped + 1) << "nobody wants it";
}

}  // namespace
}  // namespace policyd::services
