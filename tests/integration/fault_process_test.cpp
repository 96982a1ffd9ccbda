// What can happen to the processes themselves: the clock jumps, a thread hangs, descriptors run
// out, the scanner is dead.

#include <dirent.h>
#include <glob.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>

#include "tests/integration/small_site.hpp"
#include "tests/support/notify_socket.hpp"
#include "tests/support/paths.hpp"

namespace policyd::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

const char* const kJoe = "joe@example.com";

/// The library of faketime(1); empty where it is not installed.
std::string FakeTimeLibrary() {
    glob_t found{};
    std::string path;
    if (glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, nullptr, &found) == 0)
        path = found.gl_pathv[0];
    globfree(&found);
    return path;
}

/// A clock that a test sets for the programs that it starts: "+10d" from the real one.
class FakeClock {
public:
    FakeClock() { Set("+0"); }

    void Set(const std::string& offset) const {
        const fs::path next = scratch_.Write("next", offset + "\n");
        fs::rename(next, scratch_ / "offset");
    }
    std::vector<std::string> Environment() const {
        return {"LD_PRELOAD=" + FakeTimeLibrary(),
                "FAKETIME_TIMESTAMP_FILE=" + (scratch_ / "offset").string(),
                "FAKETIME_NO_CACHE=1",
                "FAKETIME_DONT_FAKE_MONOTONIC=1",
                "ASAN_OPTIONS=verify_asan_link_order=0",
                "TSAN_OPTIONS=ignore_noninstrumented_modules=1 suppressions=" +
                    SourcePath("tests/tsan.supp").string()};
    }

private:
    const ScratchDirectory scratch_;
};

class FaultProcessTest : public testing::Test {
protected:
    SmallSite::Options options_{
        {"virtual_mailbox_limit_maps", "[\"inline:{joe@example.com=1000}\"]"}};
};

std::string Ask(PolicyClient& client, std::uint64_t size, const std::string& instance = "") {
    return client.Ask(
        RequestText({{"recipient", kJoe}, {"size", std::to_string(size)}, {"instance", instance}}));
}

std::string AskAtEnd(PolicyClient& client, std::uint64_t size, const std::string& instance) {
    return client.Ask(RequestText({{"protocol_state", "END-OF-MESSAGE"},
                                   {"recipient", kJoe},
                                   {"recipient_count", "1"},
                                   {"size", std::to_string(size)},
                                   {"instance", instance}}));
}

TEST_F(FaultProcessTest, TheClockJumpsToAndFroAndNobodyNotices) {
    if (FakeTimeLibrary().empty()) GTEST_SKIP() << "faketime is not installed";
    options_["receive_time_limit"] = SmallSite::Quoted("1h");
    options_["idle_time_limit"] = SmallSite::Quoted("1h");
    const SmallSite site(options_);
    const FakeClock clock;
    PolicydProcess policyd(site.Config(), site.Socket(), {{}, clock.Environment()});
    PolicyClient idle(site.Socket());
    PolicyClient slow(site.Socket());
    EXPECT_EQ(idle.AskRcpt(kJoe), "DUNNO");
    slow.Send("request=smtpd_access_policy\n");
    PolicyClient postfix(site.Socket());
    EXPECT_EQ(Ask(postfix, 900, "counted"), "DUNNO");
    EXPECT_EQ(AskAtEnd(postfix, 900, "counted"), "DUNNO");

    for (const char* offset : {"+12h", "-12h", "-10d"}) {
        clock.Set(offset);
        EXPECT_THAT(Ask(idle, 900), StartsWith("452 ")) << offset << ": still counted";
        EXPECT_EQ(Ask(idle, 100), "DUNNO") << offset;
    }
    clock.Set("+0");
    EXPECT_THAT(Ask(idle, 900), StartsWith("452 ")) << "all of that was no more than a moment";
    slow.Send("protocol_state=RCPT\nrecipient=jim@example.com\n\n");
    EXPECT_THAT(slow.Receive().value_or("closed"), StartsWith("550 "));
    EXPECT_EQ(HttpGet(site.MetricsPort(), "/health").body, "ready\n");
}

TEST_F(FaultProcessTest, WhatAMessageUnderWayHoldsOutlivesARestart) {
    const SmallSite site(options_);
    for (int start = 0; start < 2; ++start) {
        PolicydProcess policyd(site.Config(), site.Socket());
        PolicyClient postfix(site.Socket());
        if (start == 0) {
            EXPECT_EQ(Ask(postfix, 600, "under way"), "DUNNO");
        } else {
            EXPECT_THAT(Ask(postfix, 600, "another"), StartsWith("452 "));
        }
        EXPECT_EQ(policyd.Stop(), 0);
    }
}

constexpr long kWaitsForEvents[] = {
#ifdef SYS_epoll_wait  // new architectures have the other alone
    SYS_epoll_wait,
#endif
    SYS_epoll_pwait};

/// Stops the event loops of some threads of a process, and no other thread, as if they hung. They
/// are stopped where they wait for events: elsewhere they may hold a lock that others need.
class HungThreads {
public:
    HungThreads(pid_t process, const std::string& name) {
        const fs::path tasks = "/proc/" + std::to_string(process) + "/task";
        for (const auto& task : fs::directory_iterator(tasks)) {
            if (ReadFile(task.path() / "comm") != name + "\n") continue;
            const pid_t thread = std::stoi(task.path().filename().string());
            if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) continue;
            threads_.push_back(thread);
            WaitUntil("a thread to wait for events", [&] { return StopsWaiting(thread, task); });
        }
    }
    ~HungThreads() {
        for (const pid_t thread : threads_) ptrace(PTRACE_DETACH, thread, nullptr, nullptr);
    }
    HungThreads(const HungThreads&) = delete;
    HungThreads& operator=(const HungThreads&) = delete;

    bool AreThere() const { return !threads_.empty(); }

private:
    static bool StopsWaiting(pid_t thread, const fs::path& task) {
        ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
        waitpid(thread, nullptr, __WALL);
        const std::string call = ReadFile(task / "syscall");  // its number is the first word
        for (const long wait : kWaitsForEvents)
            if (call.starts_with(std::to_string(wait) + ' ')) return true;
        ptrace(PTRACE_CONT, thread, nullptr, nullptr);
        return false;
    }

    std::vector<pid_t> threads_;
};

TEST_F(FaultProcessTest, AWorkerThatHangsIsToldTheServiceManagerByNotTellingIt) {
    const SmallSite site(options_);
    const fs::path path = site.Directory() / "notify.sock";
    NotifySocket notify(path);
    PolicydProcess policyd(site.Config(), site.Socket(),
                           {{}, {"NOTIFY_SOCKET=" + path.string(), "WATCHDOG_USEC=1000000"}});
    EXPECT_EQ(notify.Next(), "READY=1");
    {
        const HungThreads hung(policyd.Pid(), "worker");
        if (!hung.AreThere()) GTEST_SKIP() << "no thread can be traced here";
        policyd.WaitForOutput("hung: ");
        const HttpAnswer health = HttpGet(site.MetricsPort(), "/health");
        EXPECT_EQ(health.status, 503);
        EXPECT_THAT(health.body, StartsWith("alive\n"));
        notify.Forget();
        EXPECT_EQ(notify.Receive(std::chrono::seconds(2)), "nothing");
    }
    WaitUntil("the worker to work",
              [&] { return HttpGet(site.MetricsPort(), "/health").body == "ready\n"; });
    notify.Forget();
    EXPECT_EQ(notify.Receive(), "WATCHDOG=1");
}

/// While it lives, a process has no descriptor for anything until it closes another one.
class NoDescriptorsLeft {
public:
    explicit NoDescriptorsLeft(pid_t process) : process_(process) {
        const std::string open = "/proc/" + std::to_string(process) + "/fd/";
        rlim_t lowest_free = 0;
        while (fs::is_symlink(open + std::to_string(lowest_free))) ++lowest_free;
        prlimit(process, RLIMIT_NOFILE, nullptr, &before_);
        const rlimit none{lowest_free, before_.rlim_max};
        EXPECT_EQ(prlimit(process, RLIMIT_NOFILE, &none, nullptr), 0);
    }
    ~NoDescriptorsLeft() { prlimit(process_, RLIMIT_NOFILE, &before_, nullptr); }
    NoDescriptorsLeft(const NoDescriptorsLeft&) = delete;
    NoDescriptorsLeft& operator=(const NoDescriptorsLeft&) = delete;

private:
    const pid_t process_;
    rlimit before_{};
};

/// What the threads of a process have computed until now.
std::chrono::duration<double> ProcessorTime(pid_t process) {
    const std::string status = ReadFile("/proc/" + std::to_string(process) + "/stat");
    std::istringstream fields(status.substr(status.rfind(')') + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return std::chrono::duration<double>((user + system) / sysconf(_SC_CLK_TCK));
}

TEST_F(FaultProcessTest, WithoutDescriptorsWhoIsConnectedIsServedAndOthersAreOnceThereAreSome) {
    using namespace std::chrono_literals;
    options_["workers"] = "2";
    const SmallSite site(options_);
    PolicydProcess policyd(site.Config(), site.Socket());
    PolicyClient postfix(site.Socket());
    EXPECT_EQ(Ask(postfix, 100), "DUNNO");
    std::optional<NoDescriptorsLeft> no_descriptors(policyd.Pid());
    PolicyClient late(site.Socket());
    late.Send(RequestText({{"recipient", kJoe}}));
    auto health =
        std::async(std::launch::async, [&] { return HttpGet(site.MetricsPort(), "/health").body; });
    policyd.WaitForOutput("cannot accept: Too many open files");
    const auto used = ProcessorTime(policyd.Pid());
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(Ask(postfix, 100), "DUNNO");
        std::this_thread::sleep_for(50ms);
    }
    EXPECT_LT(ProcessorTime(policyd.Pid()) - used, 500ms) << "in a second";
    EXPECT_EQ(health.wait_for(0ms), std::future_status::timeout);

    no_descriptors.reset();
    EXPECT_EQ(late.Receive(), "DUNNO");
    EXPECT_EQ(health.get(), "ready\n");
    EXPECT_EQ(PolicyClient(site.Socket()).AskRcpt(kJoe), "DUNNO");
    const std::string output = policyd.Output();
    EXPECT_EQ(output.find("cannot accept"), output.rfind("cannot accept")) << "told once";

    no_descriptors.emplace(policyd.Pid());
    PolicyClient waits(site.Socket());
    EXPECT_EQ(Ask(postfix, 100), "DUNNO");
#ifdef __SANITIZE_ADDRESS__  // which opens descriptors for what it looks at
    no_descriptors.reset();
#endif
    EXPECT_EQ(policyd.Stop(), 0);
}

/// A mailbox of 900 of 1000 bytes, measured two days ago by a scanner that has been dead since.
class DeadScannerTest : public FaultProcessTest {
protected:
    DeadScannerTest() {
        options_["virtual_mailbox_base"] = SmallSite::Quoted((store_ / "").string());
        options_["scan_state_file"] = SmallSite::Quoted("");
        options_["usage_max_age"] = SmallSite::Quoted("1h");
        for (const char* directory : {"cur", "new", "tmp"})
            fs::create_directories(store_ / ("example.com/joe/" + std::string(directory)));
        store_.Write("example.com/joe/new/1.host", std::string(900, 'x'));
    }
    void SetUp() override {
        if (FakeTimeLibrary().empty()) GTEST_SKIP() << "faketime is not installed";
    }

    /// What is said to mail that does not fit, with usage that old and after a new scan.
    std::pair<std::string, std::string> AnswersWith(const std::string& stale_usage) {
        options_["stale_usage"] = SmallSite::Quoted(stale_usage);
        const SmallSite site(options_);
        clock_.Set("-2d");
        Scan(site);
        PolicydProcess policyd(site.Config(), site.Socket());
        PolicyClient client(site.Socket());
        const std::string then = Ask(client, 200);
        clock_.Set("+0");
        Scan(site);
        return {then, Ask(client, 200)};
    }

    const ScratchDirectory store_;
    const FakeClock clock_;

private:
    void Scan(const SmallSite& site) const {
        std::vector<std::string> command{"env"};
        for (const std::string& variable : clock_.Environment()) command.push_back(variable);
        command.insert(command.end(),
                       {ProgramPath("policyd-scan"), "--config", site.Config().string(), "--once"});
        const Finished scan = test::Run(command);
        ASSERT_EQ(scan.status, 0) << scan.errors;
    }
};

TEST_F(DeadScannerTest, WhatItMeasuredLongAgoRefusesNothing) {
    const auto [then, now] = AnswersWith("ignore");
    EXPECT_EQ(then, "DUNNO");
    EXPECT_THAT(now, StartsWith("552 5.2.2 "));
}

TEST_F(DeadScannerTest, WhatItMeasuredLongAgoDefersWhereThatIsWanted) {
    const auto [then, now] = AnswersWith("defer");
    EXPECT_THAT(then, StartsWith("452 4.2.2 "));
    EXPECT_THAT(now, StartsWith("552 5.2.2 "));
}

TEST_F(DeadScannerTest, WhatItMeasuredLongAgoCountsWhereThatIsWanted) {
    EXPECT_THAT(AnswersWith("trust").first, StartsWith("552 5.2.2 "));
}

}  // namespace
}  // namespace policyd::test
