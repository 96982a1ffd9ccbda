// What happens to mail stores besides mail: handles that go stale, directories of a million
// entries, more events than the kernel keeps, backups that come back, rules that change. With a
// directory of a million entries:
//
//     POLICYD_ENTRIES=1000000 build/dev/bin/integration_scan_hazards

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>

#include "policyd/scanner/change_watch.hpp"
#include "tests/integration/scan_site.hpp"
#include "tests/support/mail_store.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd {
namespace {

class ScanHazardsTest : public ScanSiteTest {
protected:
    /// The messages are one file each 60,000 of them share: it takes a second, not a minute.
    void Fill(const fs::path& directory, std::size_t messages) {
        constexpr std::size_t kMostLinks = 60'000;
        fs::path file;
        for (std::size_t i = 0; i < messages; ++i) {
            const fs::path name = directory / (std::to_string(1'600'000'000 + i) +
                                               ".M12345P6789.mx1.example.org,S=10:2,S");
            if (i % kMostLinks == 0) {
                file = name;
                std::ofstream(file).close();
                fs::resize_file(file, 10);
            } else if (link(file.c_str(), name.c_str()) != 0) {
                throw std::runtime_error("cannot link " + name.string());
            }
        }
    }
};

struct Fault {
    const char* name;
    const char* call;
    const char* error;
    const char* when;
};

class ScanFaultsTest : public ScanHazardsTest, public testing::WithParamInterface<Fault> {
protected:
    /// Runs a command in which the kernel answers some calls with the error.
    static std::vector<std::string> WithFault() {
        const std::string inject = std::string("inject=") + GetParam().call +
                                   ":error=" + GetParam().error + ":when=" + GetParam().when;
        // The leak check does not work under strace.
        return {"env",
                "ASAN_OPTIONS=detect_leaks=0",
                "strace",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                std::string("trace=") + GetParam().call,
                "-e",
                inject};
    }
};

TEST_P(ScanFaultsTest, KeepTheLastGoodFiguresUntilTheStoreCanBeReadAgain) {
    std::vector<std::string> command = WithFault();
    command.push_back("true");
    if (test::Run(command).status != 0) GTEST_SKIP() << "strace may not trace here";
    // strace counts the calls of each thread: of one alone it is known which of them fail.
    constexpr int kThreads = 1;
    daemon_.emplace(scratch_.Path(), "off", "1h", "", kThreads);
    for (const char* user : {"ann", "bob", "eve"}) {
        Deliver("example.org/" + std::string(user), 100, false);
        Deliver("example.org/" + std::string(user) + "/.Sent", 10);
    }
    ASSERT_EQ(daemon_->ScanOnce(), 0) << daemon_->Log();
    const test::Figures before = daemon_->Found();
    for (const char* user : {"ann", "bob", "eve"})
        Deliver("example.org/" + std::string(user) + "/.Sent", 1);
    const test::Figures after = test::RecountStore(Root());

    EXPECT_EQ(daemon_->ScanOnce(WithFault()), 3) << daemon_->Log();
    EXPECT_NE(daemon_->Log().find("unreadable: "), std::string::npos);
    const test::Figures found = daemon_->Found();
    ASSERT_EQ(found.size(), before.size()) << daemon_->Log();
    for (const auto& [mailbox, usage] : found)
        EXPECT_TRUE(usage == before.at(mailbox) || usage == after.at(mailbox))
            << mailbox << ": " << usage.bytes << " bytes, " << usage.messages << " messages\n"
            << daemon_->Log();

    EXPECT_EQ(daemon_->ScanOnce(), 0) << daemon_->Log();
    ExpectTruth();
}

INSTANTIATE_TEST_SUITE_P(
    Calls, ScanFaultsTest,
    testing::Values(Fault{"EveryHandleIsStale", "openat2", "ESTALE", "1+"},
                    Fault{"HandlesBecomeStale", "openat2", "ESTALE", "5+"},
                    Fault{"HandlesAreStaleWhenLookedAt", "statx", "ESTALE", "6+"},
                    Fault{"HandlesAreStaleWhenRead", "getdents64", "ESTALE", "3+"},
                    Fault{"EveryReadingFails", "getdents64", "EIO", "1+"},
                    Fault{"OneReadingInThreeFails", "getdents64", "EIO", "2+3"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_F(ScanHazardsTest, CountsADirectoryThatNoSmallBufferHolds) {
    const char* const wanted = std::getenv("POLICYD_ENTRIES");
    const std::size_t entries = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 100'000;
    Deliver("example.org/ann", 7);
    Fill(Root() / "example.org/ann/cur", entries);
    daemon_.emplace(scratch_.Path(), "off", "1h");

    EXPECT_EQ(daemon_->ScanOnce(), 0) << daemon_->Log();

    const auto usage = daemon_->Found().at("ann@example.org");
    EXPECT_EQ(usage.messages, entries + 1);
    EXPECT_EQ(usage.bytes, entries * 10 + 7);
}

/// The state of a process, as proc(5) has it: T where it is stopped.
char StateOf(pid_t process) {
    const std::string stat = test::ReadFile("/proc/" + std::to_string(process) + "/stat");
    const std::size_t name_ends = stat.rfind(')');
    return name_ends == std::string::npos ? 'X' : stat[name_ends + 2];
}

bool HasOpen(pid_t process, const std::string& path_end) {
    std::error_code gone;
    const fs::path files = "/proc/" + std::to_string(process) + "/fd";
    for (fs::directory_iterator file(files, gone), end; !gone && file != end; file.increment(gone))
        if (fs::read_symlink(*file, gone).string().ends_with(path_end)) return true;
    return false;
}

TEST_F(ScanHazardsTest, AReadingThatASignalInterruptsIsNotTakenForAWholeOne) {
    constexpr std::size_t kMessages = 60'000;
    constexpr int kScans = 16;
    Deliver("example.org/ann", 7);
    Fill(Root() / "example.org/ann/cur", kMessages);
    daemon_.emplace(scratch_.Path(), "off", "1h");
    for (int i = 0; i < kScans; ++i) {
        fs::remove(scratch_ / "scan.state");
        fs::remove(scratch_ / "usage.sqlite");
        daemon_->Start({"--once"});
        const pid_t scan = daemon_->Pid();
        // At what moment of the reading it is stopped is left to chance.
        while (!HasOpen(scan, "/ann/cur") && StateOf(scan) != 'Z') std::this_thread::yield();
        kill(scan, SIGSTOP);
        test::WaitUntil("the scan to stop or end",
                        [scan] { return StateOf(scan) != 'R' && StateOf(scan) != 'S'; });
        kill(scan, SIGCONT);
        EXPECT_EQ(daemon_->Wait(), 0) << daemon_->Log();
        ASSERT_EQ(daemon_->Found().at("ann@example.org").messages, kMessages + 1) << i;
    }
}

TEST_F(ScanHazardsTest, KeepsTheEntryOfAMailboxThatItCannotReadAlsoWithoutAState) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can run it as another user";
    Deliver("example.org", 10);
    Deliver("example.org/ann", 10);
    Deliver("example.net/bob", 10);
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(chown(scratch_.Path().c_str(), kNobody, kNobody), 0);
    daemon_.emplace(scratch_.Path(), "off", "1h");
    ASSERT_EQ(daemon_->ScanOnce(AsNobody("")), 0) << daemon_->Log();
    const test::Figures before = daemon_->Found();
    ASSERT_EQ(before.size(), 3u);

    fs::permissions(Root() / "example.org", fs::perms::none);
    fs::remove(scratch_ / "scan.state");
    EXPECT_EQ(daemon_->ScanOnce(AsNobody("")), 3) << daemon_->Log();
    EXPECT_EQ(Text(daemon_->Found()), Text(before));
    fs::permissions(Root() / "example.org", fs::perms::owner_all);
}

class ScanWatchTest : public ScanHazardsTest, public testing::WithParamInterface<const char*> {
protected:
    /// Starts the daemon and waits for its first figures; false where the method is not permitted.
    bool StartsToWatch() {
        daemon_.emplace(scratch_.Path(), GetParam(), "24h");
        daemon_->Start();
        test::WaitUntil(
            "the first figures", [&] { return !daemon_->Found().empty(); }, scratch_ / "scan.log");
        return daemon_->Log().find(std::string("live: ") + GetParam()) != std::string::npos;
    }
};

TEST_P(ScanWatchTest, MoreEventsThanTheKernelKeepsEndInTheTruth) {
    constexpr std::size_t kMoreThanTheQueue = 20'000;
    Deliver("example.org/ann", 7);
    Deliver("example.org/bob", 7);
    if (!StartsToWatch()) GTEST_SKIP() << "not permitted here:\n" << daemon_->Log();

    Deliver("example.org/bob", 7);  // once this has shown, everything is watched
    test::WaitUntil(
        "the first change", [&] { return daemon_->Found() == test::RecountStore(Root()); },
        scratch_ / "scan.log");

    daemon_->Signal(SIGSTOP);
    Fill(Root() / "example.org/ann/cur", kMoreThanTheQueue);
    Deliver("example.org/bob", 7);  // of this no event is left
    daemon_->Signal(SIGCONT);

    const test::Figures truth = test::RecountStore(Root());
    test::WaitUntil(
        "the truth", [&] { return daemon_->Found() == truth; }, scratch_ / "scan.log");
    EXPECT_NE(daemon_->Log().find("has lost events"), std::string::npos) << daemon_->Log();
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_P(ScanWatchTest, FollowsADirectoryThatIsReplacedByAnotherOfTheSameName) {
    const fs::path folder = Root() / "example.org/ann/.Sent";
    Deliver("example.org/ann/.Sent", 7);
    fs::rename(folder / "new/1.host,S=7", folder / "cur/1.host,S=7:2,S");
    Deliver("example.org/bob", 7);
    if (!StartsToWatch()) GTEST_SKIP() << "not permitted here:\n" << daemon_->Log();
    const auto shows_truth = [&] { return daemon_->Found() == test::RecountStore(Root()); };
    Deliver("example.org/bob", 7);  // once this has shown, everything is watched
    test::WaitUntil("the first change", shows_truth, scratch_ / "scan.log");

    fs::rename(folder / "cur", folder / "cur.old");
    fs::create_directory(folder / "cur");
    test::WaitUntil("the empty directory", shows_truth, scratch_ / "scan.log");
    std::ofstream(folder / "cur/2.host,S=5:2,S") << "12345";
    test::WaitUntil("what is in the new one", shows_truth, scratch_ / "scan.log");

    fs::remove(folder / "cur/2.host,S=5:2,S");
    fs::remove(folder / "cur");
    fs::create_directory(folder / "cur");
    test::WaitUntil("the next empty one", shows_truth, scratch_ / "scan.log");
    std::ofstream(folder / "cur/3.host,S=3:2,S") << "123";
    test::WaitUntil("what is in that", shows_truth, scratch_ / "scan.log");
    EXPECT_EQ(daemon_->Stop(), 0);
}

// As after a disk that is mounted late, or anew: no event tells of that.
TEST_P(ScanWatchTest, FollowsWithoutWaitingForAScanARootThatIsAnotherDirectory) {
    for (const char* disk : {"disk-1", "disk-2"}) {
        fs::create_directory(scratch_ / disk);
        fs::remove(Root());
        fs::create_symlink(disk, Root());
        Deliver("example.org/ann", 7);
    }
    fs::remove(Root());
    fs::create_symlink("disk-1", Root());
    if (!StartsToWatch()) GTEST_SKIP() << "not permitted here:\n" << daemon_->Log();
    Deliver("example.org/ann", 7);
    const auto shows_truth = [&] { return daemon_->Found() == test::RecountStore(Root()); };
    test::WaitUntil("that it is watched", shows_truth, scratch_ / "scan.log");

    fs::remove(Root());
    fs::create_symlink("disk-2", Root());
    test::WaitUntil("what another disk holds", shows_truth, scratch_ / "scan.log");
    Deliver("example.org/ann", 2);
    test::WaitUntil("a delivery there", shows_truth, scratch_ / "scan.log");
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_P(ScanWatchTest, FollowsMailboxesAndDomainsThatAreNamedAsPartsOfMaildirsAre) {
    Deliver("tmp/ann", 7);
    Deliver("example.org/tmp", 7);
    if (!StartsToWatch()) GTEST_SKIP() << "not permitted here:\n" << daemon_->Log();
    const auto shows_truth = [&] { return daemon_->Found() == test::RecountStore(Root()); };
    Deliver("example.org/tmp/.Sent", 7);
    test::WaitUntil("a new folder", shows_truth, scratch_ / "scan.log");
    fs::remove_all(Root() / "example.org/tmp/.Sent");
    test::WaitUntil("that it is gone", shows_truth, scratch_ / "scan.log");
    fs::remove_all(Root() / "tmp/ann");
    test::WaitUntil("that a mailbox is gone", shows_truth, scratch_ / "scan.log");
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_P(ScanWatchTest, FollowsUsersWhoAreNamedAsPartsOfTheMaildirThatTheirDomainIs) {
    Deliver("example.org", 7);
    if (!StartsToWatch()) GTEST_SKIP() << "not permitted here:\n" << daemon_->Log();
    const auto shows = [&](const char* user) {
        const test::Figures found = daemon_->Found();
        const auto figures = found.find(std::string(user) + "@example.org");
        return figures != found.end() &&
               figures->second == test::RecountMailbox(Root() / "example.org" / user);
    };
    for (const char* user : {"", "tmp", "new", "cur"}) {
        const std::string path = "example.org/" + std::string(user);
        Deliver(path, 7);
        test::WaitUntil(
            "a delivery to " + path, [&] { return shows(user); }, scratch_ / "scan.log");
        Deliver(path + "/.Sent", 5);
        test::WaitUntil(
            "a folder of " + path, [&] { return shows(user); }, scratch_ / "scan.log");
        Deliver(path, 3);
        test::WaitUntil(
            "mail for " + path, [&] { return shows(user) && shows(""); }, scratch_ / "scan.log");
    }
    for (const char* part : {"cur", "new", "tmp", ".Sent"})
        fs::remove_all(Root() / "example.org/new" / part);
    test::WaitUntil(
        "that one is gone",
        [&] { return daemon_->Found().size() == 3 && shows("") && shows("cur") && shows("tmp"); },
        scratch_ / "scan.log");
    fs::create_directories(Root() / "example.org/new/new");
    fs::create_directories(Root() / "example.org/new/cur");
    fs::create_directories(Root() / "example.org/new/tmp");
    test::WaitUntil(
        "that it is there again, empty", [&] { return shows("new"); }, scratch_ / "scan.log");
    for (const auto& entry : fs::directory_iterator(Root() / "example.org/new"))
        if (entry.is_regular_file()) fs::remove(entry);
    fs::remove_all(Root() / "example.org/.Sent");
    test::WaitUntil(
        "that the domain is no mailbox any more",
        [&] { return daemon_->Found().size() == 3 && shows("new"); }, scratch_ / "scan.log");
    Deliver("example.org", 7);
    test::WaitUntil(
        "that it is one again", [&] { return shows(""); }, scratch_ / "scan.log");
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanHazardsTest, WatchesARootThatHasMovedAndLeftASymbolicLink) {
    Deliver("example.org/ann", 7);
    daemon_.emplace(scratch_.Path(), "fanotify", "1h");
    daemon_->Start();
    test::WaitUntil(
        "the figures", [&] { return !daemon_->Found().empty(); }, scratch_ / "scan.log");
    if (daemon_->Log().find("Operation not permitted") != std::string::npos)
        GTEST_SKIP() << "fanotify is not permitted here";
    fs::rename(Root(), scratch_ / "moved");
    fs::create_symlink("moved", Root());
    daemon_->Signal(SIGUSR1);
    test::WaitUntil(
        "that it is watched anew",
        [&] { return daemon_->Log().find("watching anew") != std::string::npos; },
        scratch_ / "scan.log");
    Deliver("example.org/ann (deleted)", 3);
    Deliver("example.org/ann (deleted)", 4);
    test::WaitUntil(
        "both deliveries",
        [&] {
            const auto found = daemon_->Found();
            const auto ann = found.find("ann (deleted)@example.org");
            return ann != found.end() && ann->second.messages == 2;
        },
        scratch_ / "scan.log");
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanHazardsTest, WatchesMailboxesWhoseBaseIsTheRootOfAllFiles) {
    std::unique_ptr<scanner::ChangeWatch> watch;
    try {
        watch = scanner::WatchWithFanotify("/");
    } catch (const std::system_error& refusal) {
        GTEST_SKIP() << refusal.what();
    }
    struct stat root {
    }, store{};
    ASSERT_EQ(stat("/", &root), 0);
    ASSERT_EQ(stat(scratch_.Path().c_str(), &store), 0);
    if (root.st_dev != store.st_dev) GTEST_SKIP() << "it is not on the file system of the root";
    fs::create_directories(Root() / "example.org");
    scanner::ChangeHints hints;
    watch->Take(hints);
    EXPECT_TRUE(hints.subtrees.contains((Root() / "example.org").relative_path()));
}

TEST_F(ScanHazardsTest, WatchesARootThatComesLaterAsWellAsOneThatIsThere) {
    Deliver("example.org/ann", 7);
    fs::rename(Root(), scratch_ / "not-yet");
    daemon_.emplace(scratch_.Path(), "fanotify", "1s");
    daemon_->Start();
    test::WaitUntil(
        "that there is no root",
        [&] { return daemon_->Log().find("mail store:") != std::string::npos; },
        scratch_ / "scan.log");
    fs::rename(scratch_ / "not-yet", Root());
    test::WaitUntil(
        "the figures", [&] { return !daemon_->Found().empty(); }, scratch_ / "scan.log");
    if (daemon_->Log().find("Operation not permitted") != std::string::npos)
        GTEST_SKIP() << "fanotify is not permitted here";
    test::WaitUntil(
        "that it is watched",
        [&] { return daemon_->Log().find("live: fanotify") != std::string::npos; },
        scratch_ / "scan.log");
    EXPECT_EQ(daemon_->Stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Methods, ScanWatchTest, testing::Values("fanotify", "inotify"),
                         [](const auto& test) { return std::string(test.param); });

TEST_F(ScanHazardsTest, MeasuresEverythingAnewUnderAnotherRuleForSizes) {
    fs::create_directories(Root() / "example.org/ann/cur");
    std::ofstream(Root() / "example.org/ann/cur/1.host,S=1000:2,S") << "compressed";
    daemon_.emplace(scratch_.Path(), "off", "1h");
    ASSERT_EQ(daemon_->ScanOnce(), 0);
    EXPECT_EQ(daemon_->Found().at("ann@example.org").bytes, 1000u);

    daemon_.emplace(scratch_.Path(), "off", "1h", "scan_size_source = \"stat\"\n");
    ASSERT_EQ(daemon_->ScanOnce(), 0);
    EXPECT_EQ(daemon_->Found().at("ann@example.org").bytes, 10u);

    daemon_.emplace(scratch_.Path(), "off", "1h");
    ASSERT_EQ(daemon_->ScanOnce(), 0);
    EXPECT_EQ(daemon_->Found().at("ann@example.org").bytes, 1000u);
}

TEST_F(ScanHazardsTest, NoticesABackupThatComesBackWithAllItsTimes) {
    for (const char* user : {"ann", "bob", "eve"}) Deliver("example.org/" + std::string(user), 10);
    const std::string backup = scratch_ / "backup";
    ASSERT_EQ(test::Run({"cp", "-a", Root(), backup}).status, 0);
    Deliver("example.org/ann", 1);
    fs::remove_all(Root() / "example.org/bob/new");
    daemon_.emplace(scratch_.Path(), "off", "1h");
    ASSERT_EQ(daemon_->ScanOnce(), 0);
    ExpectTruth();

    fs::remove_all(Root());
    ASSERT_EQ(test::Run({"cp", "-a", backup, Root()}).status, 0);
    ASSERT_EQ(daemon_->ScanOnce(), 0) << daemon_->Log();
    ExpectTruth();
    EXPECT_EQ(daemon_->Found().at("ann@example.org").bytes, 10u);
}

TEST_F(ScanHazardsTest, CommitsEverythingAgainAsSoonAsRedisIsBackWithAnOlderSave) {
    test::RedisServer redis({"--appendonly", "no"});
    Deliver("example.org/ann", 10);
    Deliver("example.org/bob", 10);
    daemon_.emplace(scratch_.Path(), "off", "24h", "", 2, "redis:" + redis.UnixEndpoint().ToText());
    daemon_->Start();
    const auto expect_truth_soon = [this](const char* what) {
        const test::Figures truth = test::RecountStore(Root());
        test::WaitUntil(
            what, [&] { return daemon_->Found() == truth; }, scratch_ / "scan.log");
    };
    expect_truth_soon("the first figures");
    redis.Command({"SAVE"});
    Deliver("example.org/ann", 5);
    daemon_->Signal(SIGUSR1);
    expect_truth_soon("what changed since the save");

    redis.Stop(SIGKILL);
    redis.Start();
    expect_truth_soon("what the save does not hold");
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanHazardsTest, CommitsEverythingAgainSoonAfterRedisWasEmptied) {
    test::RedisServer redis;
    Deliver("example.org/ann", 10);
    Deliver("example.org/bob", 10);
    daemon_.emplace(scratch_.Path(), "off", "24h", "", 2, "redis:" + redis.UnixEndpoint().ToText());
    daemon_->Start();
    const test::Figures truth = test::RecountStore(Root());
    const auto tells_truth = [&] { return daemon_->Found() == truth; };
    test::WaitUntil("the first figures", tells_truth, scratch_ / "scan.log");
    redis.Command({"FLUSHALL"});
    test::WaitUntil("the figures once more", tells_truth, scratch_ / "scan.log");
    EXPECT_EQ(daemon_->Stop(), 0);
}

/// Of a scan that takes minutes, since its rate is limited.
class LongScanTest : public ScanHazardsTest {
protected:
    static constexpr int kUsers = 200;

    /// One of all that is known already has begun.
    void Start(const std::string& usage_store = "") {
        for (int i = 0; i < kUsers; ++i) Deliver("example.org/" + std::to_string(100 + i), 10);
        daemon_.emplace(scratch_.Path(), "off", "24h", "", 2, usage_store);
        ASSERT_EQ(daemon_->ScanOnce(), 0) << daemon_->Log();
        daemon_.emplace(scratch_.Path(), "off", "24h", "scan_rate_limit = 10\n", 2, usage_store);
        daemon_->Start();
        test::WaitUntil(
            "that it runs",
            [&] { return daemon_->Log().find("watches over") != std::string::npos; },
            scratch_ / "scan.log");
    }
    void ExpectTruthSoon() {
        const test::Figures truth = test::RecountStore(Root());
        test::WaitUntil(
            "the truth", [&] { return daemon_->Found() == truth; }, scratch_ / "scan.log",
            std::chrono::seconds(25));
        EXPECT_EQ(daemon_->Stop(), 0);
    }
};

TEST_F(LongScanTest, TellsRedisAgainWhatItLosesMeanwhile) {
    test::RedisServer redis;
    Start("redis:" + redis.UnixEndpoint().ToText());
    redis.Command({"FLUSHALL"});
    ExpectTruthSoon();
}

TEST_F(LongScanTest, BeginsAnewInARootThatTakesThePlaceOfItsOwnMeanwhile) {
    Start();
    ASSERT_EQ(test::Run({"cp", "-a", Root(), scratch_ / "copy"}).status, 0);
    fs::rename(Root(), scratch_ / "old");
    fs::rename(scratch_ / "copy", Root());
    Deliver("example.org/100", 1);  // the first that is measured
    ExpectTruthSoon();
}

TEST_F(ScanHazardsTest, FollowsAStoreThatIsReplacedWhileItIsWatched) {
    Deliver("example.org/ann", 10);
    Deliver("example.org/bob", 10);
    daemon_.emplace(scratch_.Path(), "auto", "1s");
    daemon_->Start();
    test::WaitUntil(
        "the first figures", [&] { return daemon_->Found().size() == 2; }, scratch_ / "scan.log");

    ASSERT_EQ(test::Run({"cp", "-a", Root(), scratch_ / "copy"}).status, 0);
    fs::rename(Root(), scratch_ / "old");
    fs::rename(scratch_ / "copy", Root());
    Deliver("example.org/ann", 1);

    const test::Figures truth = test::RecountStore(Root());
    test::WaitUntil(
        "the truth", [&] { return daemon_->Found() == truth; }, scratch_ / "scan.log");
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanHazardsTest, TakesNamesOfMailboxesWithAnyBytes) {
    for (const std::string user : {"new\nline", "\xff\xfe", "a b", "percent%u", "%2e%2e"})
        Deliver("example.org/" + user, 10);
    daemon_.emplace(scratch_.Path(), "off", "1h");
    ASSERT_EQ(daemon_->ScanOnce(), 0) << daemon_->Log();
    EXPECT_EQ(daemon_->Found().size(), 5u);
    ExpectTruth();
}

TEST_F(ScanHazardsTest, BeginsAnewWithADamagedStateAndOnDemand) {
    Deliver("example.org/ann", 10);
    daemon_.emplace(scratch_.Path(), "off", "1h");
    ASSERT_EQ(daemon_->ScanOnce(), 0);
    std::ofstream(scratch_ / "scan.state", std::ios::app) << "x";
    Deliver("example.org/ann", 1);

    EXPECT_EQ(daemon_->ScanOnce(), 0) << daemon_->Log();
    EXPECT_NE(daemon_->Log().find("everything is measured anew"), std::string::npos);
    ExpectTruth();
    EXPECT_EQ(daemon_->ScanOnce({}, "--verify"), 0) << daemon_->Log();
}

}  // namespace
}  // namespace policyd
