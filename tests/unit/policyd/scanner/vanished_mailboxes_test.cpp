#include "policyd/scanner/vanished_mailboxes.hpp"

#include <sstream>

#include "common/log/logging.hpp"
#include "tests/unit/policyd/scanner/scanner_fixture.hpp"

namespace policyd::scanner {
namespace {

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
    ScanState saved = state_;
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    scanner.OnNew([&](const Scanner::Mailboxes& mailboxes) {
        EXPECT_EQ(usage_.figures.count("bob@example.org"), 0u);
        for (const std::string& mailbox : mailboxes) saved.mailboxes[mailbox];
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

TEST_F(ScannerTest, RemovesTheEntryOfAUserWhoseMaildirIsFscksDirectoryAgain) {
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.org/lost+found", 10);
    Sweep();
    EXPECT_EQ(BytesOf("lost+found@example.org"), 10u);
    for (const char* part : {"new", "cur"})
        store_.Remove("example.org/lost+found/" + std::string(part));
    fs::create_directory(store_ / "example.org/bob");  // so that the directory is read
    EXPECT_EQ(Sweep().removed, 1u);
    EXPECT_EQ(usage_.figures.count("lost+found@example.org"), 0u);
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

}  // namespace
}  // namespace policyd::scanner
