/// What the usage store is told, and what a scan does where it does not answer, has lost something
/// or knows too much.

#include <algorithm>
#include <sstream>

#include "common/async/sleep.hpp"
#include "common/log/logging.hpp"
#include "tests/support/unprivileged.hpp"
#include "tests/unit/policyd/scanner/scanner_fixture.hpp"

namespace policyd::scanner {
namespace {

/// A log of nothing else, without time and level.
std::string SaidOfTheStoreIn(const fs::path& log) {
    std::istringstream written(test::ReadFile(log));
    std::string said;
    for (std::string line; std::getline(written, line);)
        said += line.substr(line.find("usage store: ")) + '\n';
    return said;
}

TEST_F(ScannerTest, CommitsAChangeAlthoughTheStoreHasAMeasurementOfTheSameMoment) {
    store_.Deliver("example.org/ann", 10);
    Sweep();
    store_.Deliver("example.org/ann", 5);
    usage_.now -= std::chrono::milliseconds(1);  // the sweep will be dated like the last one
    Sweep();
    EXPECT_EQ(BytesOf("ann@example.org"), 15u);
}

TEST_F(ScannerTest, LeavesTheStoreTheFiguresOfWhatItCouldNeverRead) {
    fs::permissions(store_.Root().parent_path(), fs::perms::all);
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.org/ann/.Old", 100);
    Sweep();
    const auto sweep_without_old = [this] {
        state_ = {};  // lost, or of another version
        fs::permissions(store_ / "example.org/ann/.Old/new", fs::perms::none);
        const test::Unprivileged unprivileged;  // root reads everything
        const ScanReport report = Sweep(Thoroughness::kEverything);
        EXPECT_EQ(report.partial, 1u);
        EXPECT_EQ(report.store_drifted, 0u);
    };
    sweep_without_old();
    EXPECT_EQ(BytesOf("ann@example.org"), 110u);
    store_.Deliver("example.org/ann", 1000);
    sweep_without_old();
    EXPECT_EQ(BytesOf("ann@example.org"), 1010u)
        << "more than the store has is no less than there is";
    fs::permissions(store_ / "example.org/ann/.Old/new", fs::perms::owner_all);
    Sweep();
    EXPECT_EQ(BytesOf("ann@example.org"), 1110u);
}

TEST_F(ScannerTest, RemovesTheEntryOfTheOneMailboxOfThreeThatIsGone) {
    for (const char* user : {"ann", "bob", "eve"})
        store_.Deliver(std::string("example.org/") + user, 10);
    Sweep();
    store_.Remove("example.org/bob");

    const ScanReport report = Sweep();

    EXPECT_EQ(report.removed, 1u);
    EXPECT_EQ(usage_.figures.count("bob@example.org"), 0u);
    EXPECT_EQ(usage_.figures.size(), 2u);
    EXPECT_EQ(state_.mailboxes.size(), 2u);
}

TEST_F(ScannerTest, RemovesEntriesOfMailboxesThatWentWhileNothingWasRemembered) {
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.org/bob", 10);
    Sweep();
    store_.Remove("example.org/bob");
    state_ = {};
    Sweep();
    EXPECT_EQ(usage_.figures.count("bob@example.org"), 0u);
}

TEST_F(ScannerTest, RemovesTheEntryOfAMailboxThatCameJustBeforeACrashAndWentAfterIt) {
    store_.Deliver("example.org/ann", 10);
    Sweep();
    store_.Deliver("example.org/bob", 10);
    ScanState saved;
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    scanner.OnMustBeSaved([&] {
        EXPECT_EQ(usage_.figures.count("bob@example.org"), 0u);
        saved = state_;
    });
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    EXPECT_EQ(usage_.figures.count("bob@example.org"), 1u);
    store_.Remove("example.org/bob");
    state_ = saved;

    Sweep();

    EXPECT_EQ(usage_.figures.count("bob@example.org"), 0u);
}

TEST_F(ScannerTest, RemovesWhatABackupOfTheStoreBroughtBackAlsoAfterACrashInTheFirstScan) {
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.org/bob", 10);
    Sweep();
    const auto backup = usage_.figures;
    usage_.now += std::chrono::minutes(1);
    store_.Remove("example.org/bob");
    store_.Deliver("example.org/ann", 5);
    Sweep(Thoroughness::kWhatChanged);
    Sweep(Thoroughness::kWhatChanged);
    usage_.figures = backup;
    usage_.now += std::chrono::minutes(1);
    ScanState saved = state_;
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    scanner.OnMustBeSaved([&] { saved = state_; });
    scanner.OnProgress([&] { scanner.Stop(); });  // the crash: nothing that comes later is saved
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    state_ = saved;

    Sweep();

    EXPECT_EQ(usage_.figures.count("bob@example.org"), 0u);
}

TEST_F(ScannerTest, AsksTheStoreForItsMailboxesOnlyUntilItKnowsThatTheyAreTheSame) {
    store_.Deliver("example.org/ann", 10);
    Sweep();
    usage_.figures["ghost@example.org"] = usage_.figures.at("ann@example.org");
    Sweep();
    EXPECT_EQ(usage_.figures.count("ghost@example.org"), 1u);
    Sweep(Thoroughness::kEverything);
    EXPECT_EQ(usage_.figures.count("ghost@example.org"), 0u);
}

TEST_F(ScannerTest, AsksAgainForMailboxesThatItOnceDidNotDareToRemove) {
    for (int i = 0; i < 10; ++i) store_.Deliver("example.org/u" + std::to_string(i), 10);
    Sweep();
    for (int i = 0; i < 6; ++i) store_.Remove("example.org/u" + std::to_string(i));
    state_ = {};
    EXPECT_EQ(Sweep().withheld, 6u);
    EXPECT_EQ(Sweep().withheld, 6u);
    options_.accept_removals = true;
    EXPECT_EQ(Sweep().removed, 6u);
    EXPECT_EQ(usage_.figures.size(), 4u);
}

TEST_F(ScannerTest, RemovesNothingWhenTheRootIsEmpty) {
    store_.Deliver("example.org/ann", 10);
    Sweep();
    store_.Rename("example.org", "../elsewhere");

    EXPECT_EQ(Sweep().withheld, 1u);
    EXPECT_EQ(usage_.figures.size(), 1u);

    store_.Rename("../elsewhere", "example.org");
    EXPECT_EQ(Sweep().withheld, 0u);
    EXPECT_EQ(BytesOf("ann@example.org"), 10u);
}

TEST_F(ScannerTest, SaysWhenTheAlarmIsOver) {
    const auto path = store_.Root().parent_path() / "log";
    log::Configure("policyd-scan", {.destination = "file:" + path.string(), .level = "warning"});
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    const auto sweep = [&] { loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged)); };
    sweep();
    for (int times = 0; times < 2; ++times) {
        store_.Rename("example.org", "../elsewhere");
        sweep();
        store_.Rename("../elsewhere", "example.org");
        sweep();
        sweep();
    }
    log::Shutdown();
    std::istringstream written(test::ReadFile(path));
    std::string alarms;
    for (std::string line; std::getline(written, line);)
        if (line.find("alarm: ") != line.npos)
            alarms += line.find("alarm: over: ") != line.npos ? "over " : "raised ";
    EXPECT_EQ(alarms, "raised over raised over ");
}

TEST_F(ScannerTest, TellsOnceOfAMailStoreInWhichTheLayoutFindsNoMailbox) {
    const auto path = store_.Root().parent_path() / "log";
    log::Configure("policyd-scan", {.destination = "file:" + path.string(), .level = "warning"});
    options_.layout = "%d/%1u/%u";
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    const auto sweep = [&] { loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged)); };
    sweep();
    const std::string of_an_empty_one = test::ReadFile(path);
    fs::create_directories(store_ / "example.org/n/ann");
    sweep();
    sweep();
    log::Shutdown();
    EXPECT_EQ(of_an_empty_one, "");
    const std::string written = test::ReadFile(path);
    EXPECT_NE(written.find("by mailbox_layout = %d/%1u/%u no mailbox"), written.npos) << written;
    EXPECT_EQ(std::count(written.begin(), written.end(), '\n'), 1);
}

TEST_F(ScannerTest, RemovesNothingWhenALargePartVanishedUnlessThatIsAccepted) {
    for (int i = 0; i < 20; ++i) store_.Deliver("example.org/u" + std::to_string(i), 10);
    for (int i = 0; i < 6; ++i) store_.Deliver("example.net/u" + std::to_string(i), 10);
    Sweep();
    store_.Remove("example.net");

    const ScanReport withheld = Sweep();
    EXPECT_EQ(withheld.withheld, 6u);
    EXPECT_EQ(withheld.mailboxes, 20u);
    EXPECT_EQ(withheld.bytes, 200u);
    EXPECT_EQ(usage_.figures.size(), 26u);

    options_.accept_removals = true;
    EXPECT_EQ(Sweep().removed, 6u);
    EXPECT_EQ(usage_.figures.size(), 20u);
}

TEST_F(ScannerTest, RemovesNothingWhenTheStoreIsOnAnotherDevice) {
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.org/bob", 10);
    Sweep();
    store_.Remove("example.org/bob");
    ++state_.root_device;

    EXPECT_EQ(Sweep().withheld, 1u);
    EXPECT_EQ(usage_.figures.size(), 2u);
}

class MissingDiskTest : public ScannerTest {
protected:
    /// As if it had been mounted there, with all mailboxes that are known there, until now.
    void HadDiskAt(const std::string& domain) {
        auto& place = state_.places.at(domain);
        auto mounted = std::make_shared<Place>(*place);
        mounted->is_mounted = true;
        ++mounted->stamp.device;
        place = mounted;
    }
};

TEST_F(MissingDiskTest, LosesNoEntryUnlessThatIsAccepted) {
    for (const char* maildir : {"example.org/ann", "example.net/bob", "example.net/eve"})
        store_.Deliver(maildir, 10);
    Sweep();
    HadDiskAt("example.net");
    for (const char* gone : {"example.net/bob", "example.net/eve", "example.org/ann"})
        store_.Remove(gone);
    fs::create_directory(store_ / "example.net/lost+found");

    for (int times = 0; times < 2; ++times) {
        EXPECT_EQ(Sweep().withheld, 2u);
        EXPECT_EQ(usage_.figures.size(), 2u) << "ann is gone, whom no disk misses";
        EXPECT_EQ(usage_.figures.count("bob@example.net"), 1u);
    }
    options_.accept_removals = true;
    EXPECT_EQ(Sweep().removed, 2u);
    EXPECT_TRUE(usage_.figures.empty());
}

TEST_F(MissingDiskTest, IsMissedAlsoWhereMailIsDeliveredBeneathItsMountPoint) {
    for (const char* maildir : {"example.net/ann", "example.net/bob", "example.net/eve"})
        store_.Deliver(maildir, 10);
    Sweep();
    HadDiskAt("example.net");
    for (const char* gone : {"example.net/ann", "example.net/bob", "example.net/eve"})
        store_.Remove(gone);
    store_.Deliver("example.net/ann", 5);
    EXPECT_EQ(Sweep().withheld, 2u) << "mail came before the scan";

    store_.Deliver("example.net/bob", 5);
    store_.Deliver("example.net/new", 5);
    EXPECT_EQ(Sweep().withheld, 1u) << "and after it";
    EXPECT_EQ(Sweep().withheld, 1u);
    EXPECT_EQ(usage_.figures.count("eve@example.net"), 1u);

    options_.accept_removals = true;
    EXPECT_EQ(Sweep().removed, 1u);
    options_.accept_removals = false;
    store_.Remove("example.net/new");
    EXPECT_EQ(Sweep().removed, 1u) << "it is a directory like any other now";
}

TEST_F(MissingDiskTest, IsMissedNoMoreWhereAllThatWasOnItHasBeenCopied) {
    for (const char* maildir : {"example.org/ann", "example.net/bob", "example.net/eve"})
        store_.Deliver(maildir, 10);
    Sweep();
    HadDiskAt("example.net");
    EXPECT_EQ(Sweep().withheld, 0u);
    store_.Remove("example.net/eve");
    EXPECT_EQ(Sweep().removed, 1u);
    EXPECT_EQ(usage_.figures.size(), 2u);
}

TEST_F(MissingDiskTest, IsMissedUntilThatIsKnown) {
    for (const char* maildir : {"example.net/bob", "example.net/eve"}) store_.Deliver(maildir, 10);
    Sweep();
    HadDiskAt("example.net");
    store_.Remove("example.net/eve");
    EXPECT_EQ(Sweep().withheld, 1u);
    store_.Deliver("example.net/eve", 10);
    EXPECT_EQ(Sweep().withheld, 0u);
    store_.Remove("example.net/eve");
    EXPECT_EQ(Sweep().removed, 1u);
}

TEST_F(ScannerTest, RemovesMailboxesOfADomainThatHasBecomeASymbolicLink) {
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.org/bob", 10);
    store_.Deliver("example.net/eve", 10);
    Sweep();
    store_.Rename("example.org", "../elsewhere");
    fs::create_symlink("../elsewhere", store_ / "example.org");
    store_.WriteFile("example.org/ann/cur/1.host", 7);

    const ScanReport report = Sweep();

    EXPECT_EQ(report.removed, 2u);
    EXPECT_EQ(usage_.figures.size(), 1u);
}

TEST_F(ScannerTest, RemovesWhatItTookForMailboxesBeforeADomainWasAWholeMaildir) {
    for (const char* part : {"cur", "new", ".Sent"})
        fs::create_directories(store_ / "example.org" / part);
    store_.WriteFile("example.org/new/1.host,S=10", 10);
    Sweep();
    EXPECT_EQ(usage_.figures.count("new@example.org"), 1u);
    fs::create_directory(store_ / "example.org/tmp");

    Sweep();

    EXPECT_EQ(usage_.figures.size(), 1u);
    EXPECT_EQ(BytesOf("@example.org"), 10u);
}

TEST_F(ScannerTest, CommitsEverythingAgainToAStoreThatWasEmptied) {
    for (int i = 0; i < 10; ++i) store_.Deliver("example.org/u" + std::to_string(i), 10);
    Sweep();
    usage_.figures.clear();
    EXPECT_EQ(Sweep().committed, 10u);
    EXPECT_EQ(usage_.figures.size(), 10u);
}

TEST_F(ScannerTest, CommitsEverythingAgainToAStoreThatWasEmptiedAlthoughItTookAChangeSince) {
    for (int i = 0; i < 100; ++i) store_.Deliver("example.org/u" + std::to_string(i), 10);
    Sweep();
    usage_.figures.clear();
    store_.Deliver("example.org/u7", 5);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Remeasure({"example.org/u7"}));
    loop.RunUntilDone(scanner.Finish());
    ASSERT_EQ(usage_.figures.size(), 1u);
    usage_.now += std::chrono::seconds(1);

    Sweep();

    EXPECT_EQ(usage_.figures.size(), 100u);
}

TEST_F(ScannerTest, AnEntryThatAnotherScannerHasRemovedIsNoLoss) {
    for (int i = 0; i < 10; ++i) store_.Deliver("example.org/u" + std::to_string(i), 10);
    Sweep();
    store_.Remove("example.org/u6");
    usage_.figures.erase("u6@example.org");

    EXPECT_EQ(Sweep().committed, 0u);
    EXPECT_EQ(usage_.figures.size(), 9u);
}

TEST_F(ScannerTest, AMailboxThatTheStoreRefusesHoldsUpNoOther) {
    for (int i = 0; i < 300; ++i) store_.MakeMaildir("example.org/u" + std::to_string(i));
    usage_.refused = "u77@example.org";

    const ScanReport report = Sweep();

    EXPECT_EQ(usage_.figures.size(), 299u);
    EXPECT_EQ(report.not_committed, 1u);
    options_.patience = Patience::kForever;  // as a daemon has it
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    for (int quiet = 0; quiet < 12; ++quiet)
        loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    store_.Deliver("example.org/u99", 5);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    EXPECT_EQ(BytesOf("u99@example.org"), 5u);
    usage_.refused.clear();
    Sweep();
    EXPECT_EQ(usage_.figures.size(), 300u);
}

TEST_F(ScannerTest, AMailboxThatTheStoreRefusesToChangeHoldsUpNoOther) {
    const auto log = store_.Root().parent_path() / "log";
    log::Configure("policyd-scan", {.destination = "file:" + log.string(), .level = "warning"});
    for (int i = 0; i < 300; ++i) {
        usage_.unmeasured.push_back("new" + std::to_string(i) + "@example.org");
        usage_.figures["gone" + std::to_string(i) + "@example.org"] = {};
    }
    store_.Deliver("example.org/ann", 10);
    options_.accept_removals = true;
    options_.refresh_interval = std::chrono::milliseconds(0);
    usage_.refused = "new77@example.org";
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    const auto sweep = [&] { return loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged)); };
    EXPECT_EQ(sweep().removed, 300u);
    EXPECT_EQ(usage_.absent.size(), 299u);
    usage_.figures["gone@example.org"] = usage_.figures["out@example.org"] = {};
    usage_.refused = "gone@example.org";
    usage_.now += options_.verify_interval;
    EXPECT_EQ(sweep().removed, 1u);
    EXPECT_EQ(usage_.absent.size(), 300u);
    usage_.now += options_.verify_interval;
    sweep();
    log::Shutdown();
    EXPECT_EQ(SaidOfTheStoreIn(log),
              "usage store: it refuses to drop what is reserved in new77@example.org: the store "
              "refuses a mailbox\n"
              "usage store: it refuses to remove gone@example.org: the store refuses a mailbox\n");
}

TEST_F(ScannerTest, AStoreThatIsJustBackRefusesNoChange) {
    store_.Deliver("example.org/ann", 10);
    usage_.unmeasured = {"new@example.org"};
    usage_.absence_refusals = 1;
    Sweep();
    EXPECT_EQ(usage_.absent.size(), 1u);
}

TEST_F(ScannerTest, AStoreThatTakesNothingForAWhileGetsEverythingAfterwards) {
    for (int i = 0; i < 300; ++i) store_.MakeMaildir("example.org/u" + std::to_string(i));
    options_.patience = Patience::kForever;
    for (const int refusals : {1, 7, 8, 11, 16}) {
        usage_.figures.clear();
        state_ = {};
        usage_.refusals = refusals;
        EXPECT_EQ(Sweep().not_committed, 0u) << refusals;
        EXPECT_EQ(usage_.figures.size(), 300u) << refusals;
    }
}

TEST_F(ScannerTest, AStoreThatTookNothingIsTriedAgainWithoutANewMeasurement) {
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.org/bob", 10);
    options_.patience = Patience::kForever;
    usage_.refusals = 7;  // more than a sweep tries
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    EXPECT_GT(loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged)).not_committed, 0u);
    const auto retried = [](async::EventLoop& on,
                            test::RecordingUsageStore& store) -> async::Task<> {
        while (store.figures.size() < 2)
            co_await async::Sleep(on.Raw(), std::chrono::milliseconds(5));
    };
    loop.RunUntilDone(retried(loop, usage_));
    EXPECT_EQ(BytesOf("ann@example.org"), 10u);
}

TEST_F(ScannerTest, AStoreThatTakesNothingIsAnOutageAndNoFaultOfMailboxes) {
    const auto said_in_a_sweep = [&] {
        const auto path = store_.Root().parent_path() / "log";
        fs::remove(path);
        log::Configure("policyd-scan",
                       {.destination = "file:" + path.string(), .level = "warning"});
        EXPECT_EQ(Sweep().not_committed, 3u);
        log::Shutdown();
        return SaidOfTheStoreIn(path);
    };
    for (const char* name : {"ann", "bob", "eve"})
        store_.Deliver("example.org/" + std::string(name), 10);
    usage_.takes_nothing = true;
    EXPECT_EQ(said_in_a_sweep(),
              "usage store: the disk is full; trying again\n"
              "usage store: the disk is full; given up\n");
    usage_.takes_nothing = false;
    usage_.refusals = 1'000;
    // Those that were measured first may be told of before the others.
    EXPECT_THAT(
        said_in_a_sweep(),
        testing::AllOf(testing::StartsWith("usage store: it refuses the figures of "),
                       testing::HasSubstr("example.org/ann"), testing::HasSubstr("example.org/bob"),
                       testing::HasSubstr("example.org/eve"),
                       testing::EndsWith(": the store has no memory\n"),
                       testing::Not(testing::HasSubstr("trying again"))));
}

TEST_F(ScannerTest, ManyMailboxesThatTheStoreRefusesHoldUpNoOther) {
    for (int i = 0; i < 60; ++i) store_.MakeMaildir("a.example/u" + std::to_string(i));
    for (int i = 0; i < 60; ++i) store_.MakeMaildir("b.example/u" + std::to_string(i));
    usage_.refused_domain = "a.example";
    options_.patience = Patience::kForever;
    EXPECT_EQ(Sweep().not_committed, 60u);
    EXPECT_EQ(usage_.figures.size(), 60u);
    usage_.refused_domain = "?";
    EXPECT_EQ(Sweep().not_committed, 0u);
    EXPECT_EQ(usage_.figures.size(), 120u);
}

TEST_F(ScannerTest, CommitsEverythingAgainToAStoreThatWasReplacedByABackup) {
    for (int i = 0; i < 10; ++i) store_.Deliver("example.org/u" + std::to_string(i), 10);
    Sweep();
    const auto backup = usage_.figures;
    usage_.now += std::chrono::minutes(1);
    store_.Deliver("example.org/u5", 10);
    store_.Remove("example.org/u6");
    Sweep();
    usage_.figures = backup;
    usage_.now += std::chrono::minutes(1);

    Sweep();

    EXPECT_EQ(BytesOf("u5@example.org"), 20u);
    EXPECT_EQ(usage_.figures.count("u6@example.org"), 0u);
}

TEST_F(ScannerTest, CommitsWhatChangesAfterTheStoresClockWasSetBack) {
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.org/bob", 10);
    usage_.now += std::chrono::hours(1);
    Sweep();
    usage_.now -= std::chrono::hours(1);
    store_.Deliver("example.org/ann", 5);

    Sweep();

    EXPECT_EQ(BytesOf("ann@example.org"), 15u);
    EXPECT_LE(usage_.figures.at("bob@example.org").began, usage_.now);
    store_.Deliver("example.org/ann", 5);
    Sweep();
    EXPECT_EQ(BytesOf("ann@example.org"), 20u);
    usage_.now += options_.verify_interval;
    EXPECT_GT(Sweep().work.directories_read, 0u) << "it is due for verification";
}

TEST_F(ScannerTest, CommitsWhatChangesWhileTheStoresClockIsSetBack) {
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    usage_.now += std::chrono::hours(1);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    usage_.now -= std::chrono::hours(1);
    for (std::uint64_t bytes : {20u, 30u}) {
        store_.Deliver("example.org/ann", 10);
        loop.RunUntilDone(scanner.Remeasure({"example.org/ann"}));
        EXPECT_EQ(BytesOf("ann@example.org"), bytes);
    }
}

TEST_F(ScannerTest, CommitsWhatHasChangedThoughTheStoresClockFellBehindWhileItDidNotRun) {
    store_.Deliver("example.org/ann", 10);
    Sweep();
    for (auto& [path, mailbox] : state_.mailboxes) mailbox.offered_at = 0;  // as after a restart
    usage_.now -= std::chrono::milliseconds(2);
    store_.Deliver("example.org/ann", 5);

    Sweep();

    EXPECT_EQ(BytesOf("ann@example.org"), 15u);
}

TEST_F(ScannerTest, WaitsOutAShortOutageOfTheStore) {
    store_.Deliver("example.org/ann", 10);
    usage_.failures = 2;
    EXPECT_EQ(Sweep().committed, 1u);
}

TEST_F(ScannerTest, GivesUpOnALongOutageAndCommitsTheNextTime) {
    store_.Deliver("example.org/ann", 10);
    usage_.failures = 1000;
    EXPECT_THROW(Sweep(), outage::UsageStoreUnavailable);
    usage_.failures = 0;
    EXPECT_EQ(Sweep().committed, 1u);
}

TEST_F(ScannerTest, ReportsDriftOfTheFiguresAndOfTheStoreWhenItVerifies) {
    const std::string name = store_.Deliver("example.org/ann", 100, false);
    store_.Deliver("example.org/bob", 5);
    store_.Deliver("example.org/eve", 5);
    Sweep();
    store_.WriteFile("example.org/ann/new/" + name, 30);
    usage_.figures.at("bob@example.org").bytes = 6;

    const ScanReport report = Sweep(Thoroughness::kEverything);

    EXPECT_EQ(report.drifted, 1u);
    EXPECT_EQ(report.drift.bytes, 70u);
    EXPECT_EQ(report.store_drifted, 1u);
    EXPECT_EQ(BytesOf("ann@example.org"), 30u);
    EXPECT_EQ(BytesOf("bob@example.org"), 5u);
}

TEST_F(ScannerTest, SaysWhatItCouldNotCompareSinceNothingIsRememberedOfIt) {
    store_.Deliver("example.org/ann", 100);
    store_.Deliver("example.org/bob", 5);
    Sweep();
    usage_.figures.at("bob@example.org").bytes = 6;
    state_ = {};

    const ScanReport report = Sweep(Thoroughness::kEverything);

    EXPECT_EQ(report.store_drifted, 0u) << "mail may have come and gone";
    EXPECT_EQ(report.not_compared, 2u);
    EXPECT_NE(report.Line().find("; 2 not compared, for nothing is remembered"), std::string::npos);
    EXPECT_EQ(BytesOf("bob@example.org"), 5u);
    EXPECT_EQ(Sweep(Thoroughness::kEverything).not_compared, 0u);
}

TEST_F(ScannerTest, ReportsWhatTheStoreHasLostAndWhatItHasTooMuchWhenItVerifies) {
    store_.Deliver("example.org/ann", 100);
    store_.Deliver("example.org/bob", 5);
    Sweep();
    usage_.figures.erase("bob@example.org");
    usage_.figures["eve@example.org"] = usage_.figures.at("ann@example.org");

    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    const ScanReport report = loop.RunUntilDone(scanner.Sweep(Thoroughness::kEverything));

    EXPECT_EQ(report.store_drifted, 2u);
    EXPECT_EQ(scanner.TotalsSoFar().drifted, 2u);
    EXPECT_EQ(BytesOf("bob@example.org"), 5u);
    EXPECT_EQ(usage_.figures.count("eve@example.org"), 0u);
    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 0u);
}

TEST_F(ScannerTest, CommitsEverythingAgainThoughASweepForNewMailboxesFindsTheLoss) {
    store_.Deliver("example.org/ann", 100);
    store_.Deliver("example.org/bob", 5);
    Sweep();
    usage_.figures.clear();
    store_.Deliver("example.org/eve", 7);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged, Scanner::Scope::kNewOnes));
    EXPECT_EQ(usage_.figures.size(), 3u);
}

TEST_F(ScannerTest, OwesFiguresToAStoreWhoseClockIsFoundSetBackBetweenSweeps) {
    store_.Deliver("example.org/ann", 100);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    usage_.now -= std::chrono::hours(1);
    usage_.figures.clear();
    usage_.figures["gone@example.org"] = {"gone@example.org", 1, 1, usage_.now};
    loop.RunUntilDone(scanner.Remeasure({}));
    EXPECT_TRUE(loop.RunUntilDone(scanner.StoreHasLost()));
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged, Scanner::Scope::kNewOnes));
    EXPECT_EQ(BytesOf("ann@example.org"), 100u);
    EXPECT_EQ(usage_.figures.count("gone@example.org"), 0u) << "it is no mailbox";
    EXPECT_FALSE(loop.RunUntilDone(scanner.StoreHasLost()));
}

TEST_F(ScannerTest, ReportsADomainThatWasWrongInTheStoreWhenItVerifies) {
    store_.Deliver("example.org/ann", 100);
    Sweep();
    usage_.wrong_domains.insert("example.org");
    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 1u);
    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 0u);
}

TEST_F(ScannerTest, HasDomainsMendedAtItsBeginningAndOnceItNoticesALoss) {
    store_.Deliver("example.org/ann", 100);
    store_.Deliver("example.com/bob", 5);
    usage_.wrong_domains.insert("other.example");
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    const auto sweep = [&] {
        EXPECT_EQ(loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged)).store_drifted, 0u);
        return usage_.wrong_domains.empty();
    };
    EXPECT_TRUE(sweep());
    EXPECT_TRUE(sweep());
    usage_.wrong_domains.insert("other.example");
    EXPECT_FALSE(sweep()) << "nothing tells of it";
    usage_.figures.erase("bob@example.com");
    EXPECT_TRUE(sweep());
    usage_.wrong_domains.insert("other.example");
    EXPECT_TRUE(sweep()) << "what was lost while it was being mended";
    EXPECT_TRUE(sweep());
    usage_.wrong_domains.insert("example.org");
    EXPECT_TRUE(sweep()) << "one that is there no more";
    EXPECT_EQ(BytesOf("bob@example.com"), 5u);
}

TEST_F(ScannerTest, MeasuresAlthoughDomainsCannotBeMended) {
    store_.Deliver("example.org/ann", 100);
    usage_.cannot_mend = true;
    EXPECT_EQ(Sweep().committed, 1u);
}

TEST_F(ScannerTest, CallsNothingDriftThatAnotherHasMeasuredLater) {
    store_.Deliver("example.org/ann", 100);
    Sweep();
    usage_.now += std::chrono::seconds(1);
    usage_.figures["ann@example.org"] = {"ann@example.org", 70, 2, usage_.now};
    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 0u);
    EXPECT_EQ(BytesOf("ann@example.org"), 100u);
}

TEST_F(ScannerTest, CallsAMailboxIncompleteWhoseMaildirHasMovedToWhereNoneCounts) {
    store_.Deliver("example.org/ann", 100);
    Sweep();
    fs::create_directory(store_ / "example.org/ann/Maildir");
    for (const char* part : {"cur", "new", "tmp"})
        store_.Rename(std::string("example.org/ann/") + part,
                      std::string("example.org/ann/Maildir/") + part);
    EXPECT_EQ(Sweep().partial, 1u);
    EXPECT_EQ(Sweep(Thoroughness::kEverything).partial, 1u);
    EXPECT_EQ(BytesOf("ann@example.org"), 0u) << "what is counted";
}

TEST_F(ScannerTest, ReportsAndRemovesWhatTheStoreHasUnderAnotherNameOfADirectory) {
    options_.layout = "%Ld/%Lu";
    store_.Deliver("example.org/ann", 100);
    Sweep();
    usage_.figures["Ann@example.org"] = usage_.figures.at("ann@example.org");

    const ScanReport report = Sweep(Thoroughness::kEverything);

    EXPECT_EQ(report.store_drifted, 1u);
    EXPECT_EQ(usage_.figures.count("Ann@example.org"), 0u);
    EXPECT_EQ(BytesOf("ann@example.org"), 100u);
}

TEST_F(ScannerTest, FindsWhatOnlyTheStoreKnowsOfWithinTheIntervalOfVerifications) {
    store_.Deliver("example.org/ann", 100);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    usage_.figures["eve@example.org"] = usage_.figures.at("ann@example.org");
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    EXPECT_EQ(usage_.figures.count("eve@example.org"), 1u);
    usage_.now += options_.verify_interval;
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    EXPECT_EQ(usage_.figures.count("eve@example.org"), 0u);
    EXPECT_EQ(usage_.figures.count("ann@example.org"), 1u);
}

TEST_F(ScannerTest, ReportsNoDriftOfAMailboxThatIsMeasuredWhileItIsComparedWithTheStore) {
    store_.Deliver("example.org/ann", 100);
    Sweep();
    usage_.on_found = [this] {
        state_.mailboxes.at("example.org/ann").record = std::make_shared<MailboxRecord>();
    };
    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 0u);
}

TEST_F(ScannerTest, ReportsNoDriftOfASizeThatTheStoreKeepsAsALesserOne) {
    store_.MakeMaildir("example.org/ann");
    store_.WriteFile("example.org/ann/cur/1.host,S=999999999999999999", 1);
    Sweep();
    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 0u);
}

TEST_F(ScannerTest, ReadsEverythingAgainOnceVerificationIsDue) {
    store_.Deliver("example.org/ann", 100);
    Sweep();
    EXPECT_EQ(Sweep().work.directories_read, 0u);
    usage_.now += options_.verify_interval;
    EXPECT_EQ(Sweep().work.directories_read, 3u);
}

}  // namespace
}  // namespace policyd::scanner
