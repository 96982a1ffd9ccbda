#include "policyd/scanner/store_comparison.hpp"

#include "tests/unit/policyd/scanner/scanner_fixture.hpp"

namespace policyd::scanner {
namespace {

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

TEST_F(ScannerTest, HasDomainsMendedBesideOnesThatAreBroken) {
    usage_.broken_domains["other.example"] = "no record";
    usage_.wrong_domains.insert("example.org");
    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 1u);
    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 0u) << "which is no drift";
}

TEST_F(ScannerTest, CallsNothingDriftThatAnotherHasMeasuredLater) {
    store_.Deliver("example.org/ann", 100);
    Sweep();
    usage_.now += std::chrono::seconds(1);
    usage_.figures["ann@example.org"] = {"ann@example.org", 70, 2, usage_.now};
    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 0u);
    EXPECT_EQ(BytesOf("ann@example.org"), 100u);
}

TEST_F(ScannerTest, CallsNothingDriftThatAnotherScannerHasRemoved) {
    for (const char* user : {"ann", "bob", "eve"})
        store_.Deliver("example.org/" + std::string(user), 10);
    Sweep();
    store_.Remove("example.org/bob");
    store_.Rename("example.org/eve", "../eve");  // so that its place is not taken by itself
    store_.Deliver("example.org/eve", 5);
    usage_.figures.erase("bob@example.org");
    usage_.figures.erase("eve@example.org");

    EXPECT_EQ(Sweep(Thoroughness::kEverything).store_drifted, 0u);
    EXPECT_EQ(usage_.figures.size(), 2u);
    EXPECT_EQ(BytesOf("eve@example.org"), 5u);
}

TEST_F(ScannerTest, CallsNothingDriftThatAnotherScannerHasSeenComeAndNotYetGo) {
    store_.Deliver("example.org/ann", 10);
    Sweep();
    usage_.on_list = [this] {
        usage_.figures["bob@example.org"] = {"bob@example.org", 10, 1, usage_.now};
    };
    const ScanReport report = Sweep(Thoroughness::kEverything);
    EXPECT_EQ(report.store_drifted, 0u);
    EXPECT_EQ(report.removed, 1u);
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

}  // namespace
}  // namespace policyd::scanner
