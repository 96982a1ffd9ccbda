/// What a scan measures, in which order, and what goes on beside it.

#include <gmock/gmock.h>

#include <atomic>
#include <semaphore>

#include "common/log/logging.hpp"
#include "tests/unit/policyd/scanner/scanner_fixture.hpp"

namespace policyd::scanner {
namespace {

TEST_F(ScannerTest, CommitsEveryMailboxUnderItsAddress) {
    store_.Deliver("example.org/ann", 100);
    store_.Deliver("example.org/ann/.Sent", 10);
    store_.Deliver("example.net/Bob", 7);
    store_.MakeMaildir("example.net/new");
    fs::create_directory(store_ / "lost+found");
    store_.Deliver(".hidden/ann", 1);
    fs::create_symlink("example.org", store_ / "linked.example");

    const ScanReport report = Sweep();

    ASSERT_EQ(usage_.figures.size(), 3u);
    EXPECT_EQ(BytesOf("ann@example.org"), 110u);
    EXPECT_EQ(usage_.figures.at("ann@example.org").messages, 2u);
    EXPECT_EQ(BytesOf("Bob@example.net"), 7u);
    EXPECT_EQ(BytesOf("new@example.net"), 0u);
    EXPECT_EQ(report.mailboxes, 3u);
    EXPECT_EQ(report.committed, 3u);
    EXPECT_EQ(report.bytes, 117u);
}

TEST_F(ScannerTest, DatesAMeasurementFromBeforeItBegan) {
    store_.Deliver("example.org/ann", 100);
    const text::WallTime before = usage_.now;
    Sweep();
    EXPECT_EQ(usage_.figures.at("ann@example.org").began, before + std::chrono::milliseconds(1));
}

TEST_F(ScannerTest, MeasuresADomainThatIsAMaildirAsItsCatchAllMailbox) {
    store_.Deliver("example.org", 100);
    store_.Deliver("example.org/.Sent", 10);
    store_.Deliver("example.org/ann", 1);

    EXPECT_EQ(Sweep().partial, 0u) << "users are no folders of it that do not count";

    EXPECT_EQ(usage_.figures.size(), 2u);
    EXPECT_EQ(BytesOf("@example.org"), 110u);
    EXPECT_EQ(BytesOf("ann@example.org"), 1u);
}

TEST_F(ScannerTest, MeasuresUsersWhoAreNamedAsPartsOfTheMaildirThatTheirDomainIs) {
    store_.Deliver("example.org", 100);
    Sweep();
    for (const char* user : {"new", "cur", "tmp"}) {
        store_.Deliver("example.org/" + std::string(user), 10);
        store_.Deliver("example.org/" + std::string(user) + "/.Sent", 1);
        Sweep();
        EXPECT_EQ(BytesOf(std::string(user) + "@example.org"), 11u) << user;
    }
    EXPECT_EQ(usage_.figures.size(), 4u);
    EXPECT_EQ(BytesOf("@example.org"), 100u);

    store_.Deliver("example.org", 100);
    for (const char* part : {"cur", "new", "tmp", ".Sent"})
        store_.Remove("example.org/tmp/" + std::string(part));
    store_.Remove("example.org/cur/tmp");
    const ScanReport report = Sweep();
    EXPECT_EQ(report.removed, 2u);
    EXPECT_EQ(BytesOf("@example.org"), 200u);
    EXPECT_EQ(BytesOf("new@example.org"), 11u);
}

TEST_F(ScannerTest, ADomainWhoseUsersAreNamedAsPartsOfAMaildirIsNoneWithoutMessages) {
    for (const char* user : {"new", "cur", "tmp", "ann"})
        store_.Deliver("example.org/" + std::string(user), 10);
    store_.WriteFile("example.org/new/dovecot-uidlist", 10);
    fs::create_directory(store_ / "example.org/new/2024");
    Sweep();
    EXPECT_EQ(usage_.figures.size(), 4u);
    EXPECT_EQ(usage_.figures.count("@example.org"), 0u);
    EXPECT_EQ(Sweep().work.directories_read, 2u) << "new and cur, which hold no more than folders";

    const std::string name = store_.Deliver("example.org", 100);
    Sweep();
    EXPECT_EQ(BytesOf("@example.org"), 110u) << "with what Dovecot keeps in its new";
    EXPECT_EQ(BytesOf("new@example.org"), 10u);
    EXPECT_EQ(Sweep().work.directories_read, 0u);
    store_.Rename("example.org/new/" + name, "example.org/cur/" + name);
    Sweep(Thoroughness::kEverything);
    EXPECT_EQ(BytesOf("@example.org"), 110u);

    store_.Deliver("example.org/.Sent", 1);
    store_.Remove("example.org/cur/" + name);
    Sweep();
    EXPECT_EQ(BytesOf("@example.org"), 11u);
    store_.Remove("example.org/.Sent");
    Sweep();
    EXPECT_EQ(usage_.figures.size(), 4u);
    EXPECT_EQ(usage_.figures.count("@example.org"), 0u);
}

TEST_F(ScannerTest, LooksAtAMaildirThatADomainIsWithoutReadingIt) {
    store_.Deliver("example.org", 100);
    store_.Deliver("example.org/new", 10);
    Sweep();
    const ScanReport report = Sweep();
    EXPECT_EQ(report.work.directories_read, 0u);
    constexpr unsigned kPlaces = 2;
    constexpr unsigned kOfTwoMailboxes = 2 * 3;
    constexpr unsigned kWhetherPartsAreMaildirs = 3 + 1 + 1;
    EXPECT_EQ(report.work.directories_looked_at,
              kPlaces + kOfTwoMailboxes + kWhetherPartsAreMaildirs);
}

TEST_F(ScannerTest, FollowsOtherLayouts) {
    options_.layout = "%d/%1u/%u/Maildir";
    store_.Deliver("example.org/a/ann/Maildir", 100);
    store_.Deliver("example.org/b/ann/Maildir", 1);
    store_.Deliver("example.org/b/bob/Mail", 1);

    Sweep();

    EXPECT_EQ(usage_.figures.size(), 1u);
    EXPECT_EQ(BytesOf("ann@example.org"), 100u);
}

TEST_F(ScannerTest, CommitsOnlyWhatChangedAndReadsNothingElse) {
    for (int i = 0; i < 20; ++i) store_.Deliver("example.org/u" + std::to_string(i), 10);
    Sweep();
    store_.Deliver("example.org/u7", 5);

    const ScanReport report = Sweep();

    EXPECT_EQ(report.work.directories_read, 1u);
    constexpr std::uint64_t kOnceMore = 1;  // the directory that changed, before it is read
    EXPECT_EQ(report.work.directories_looked_at, 2 + 20 * 3 + kOnceMore);
    EXPECT_EQ(report.changed, 1u);
    EXPECT_EQ(report.committed, 1u);
    EXPECT_EQ(BytesOf("u7@example.org"), 15u);
}

TEST_F(ScannerTest, CommitsAgainWhenTheGraceOfReservationsIsOverAndNowAndThen) {
    store_.Deliver("example.org/ann", 10);
    Sweep();
    usage_.now += options_.grace / 2;
    EXPECT_EQ(Sweep().committed, 0u);
    usage_.now += options_.grace;
    EXPECT_EQ(Sweep().committed, 1u);
    usage_.now += options_.grace;
    EXPECT_EQ(Sweep().committed, 0u);
    usage_.now += options_.refresh_interval;
    EXPECT_EQ(Sweep().committed, 1u);
}

TEST_F(ScannerTest, KnowsWhatIsToBeCommittedAgainOnceTheGraceIsOver) {
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    const auto to_be_settled = [&] {
        loop.RunUntilDone(scanner.StoreHasLost());
        return scanner.ToBeSettled();
    };
    EXPECT_TRUE(to_be_settled().empty());
    usage_.now += options_.grace + std::chrono::seconds(10);
    const std::vector<std::string> ann{"example.org/ann"};
    state_.mailboxes["example.org/never-measured"];
    EXPECT_EQ(to_be_settled(), ann);
    const auto committed = scanner.Committed();
    loop.RunUntilDone(scanner.Remeasure(ann));
    EXPECT_EQ(scanner.Committed(), committed + 1);
    EXPECT_TRUE(to_be_settled().empty());
}

TEST_F(ScannerTest, WhatIsToBeCommittedAgainIsInTheOrderInWhichItLastChanged) {
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    for (const char* name : {"bob", "ann", "eve"}) {
        store_.Deliver("example.org/" + std::string(name), 10);
        loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
        usage_.now += std::chrono::seconds(1);
    }
    usage_.now += options_.grace + std::chrono::seconds(10);
    loop.RunUntilDone(scanner.StoreHasLost());
    EXPECT_THAT(scanner.ToBeSettled(),
                testing::ElementsAre("example.org/eve", "example.org/ann", "example.org/bob"));
}

TEST_F(ScannerTest, MeasuresOnlyMailboxesThatAreNewWhereSomethingChangedAboveThem) {
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    const auto measured = [&] {
        auto sweep = scanner.Sweep(Thoroughness::kWhatChanged, Scanner::Scope::kNewOnes);
        return loop.RunUntilDone(std::move(sweep)).measured;
    };
    EXPECT_EQ(measured(), 1u);
    store_.Deliver("example.org/bob", 10);
    EXPECT_EQ(measured(), 1u);
    EXPECT_EQ(measured(), 0u);
}

TEST_F(ScannerTest, FollowsAMailboxAndADomainThatAreRenamed) {
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.net/bob", 7);
    Sweep();
    store_.Rename("example.org/ann", "example.org/anna");
    store_.Rename("example.net", "example.com");

    Sweep();

    EXPECT_EQ(usage_.figures.size(), 2u);
    EXPECT_EQ(BytesOf("anna@example.org"), 10u);
    EXPECT_EQ(BytesOf("bob@example.com"), 7u);
}

TEST_F(ScannerTest, ThrowsWhenThereIsNoRoot) {
    options_.root = store_ / "nowhere";
    EXPECT_THROW(Sweep(), std::system_error);
}

async::Task<ScanReport> SweepAndStop(Scanner& scanner) {
    scanner.OnProgress([&scanner] { scanner.Stop(); });
    co_return co_await scanner.Sweep(Thoroughness::kWhatChanged);
}

TEST_F(ScannerTest, GoesOnWhereItWasStopped) {
    constexpr int kMailboxes = 600;
    for (int i = 0; i < kMailboxes; ++i) store_.Deliver("example.org/u" + std::to_string(i), 10);
    options_.threads = 1;
    ScanReport first;
    {
        async::EventLoop loop;
        Scanner scanner(loop, usage_, state_, options_);
        first = loop.RunUntilDone(SweepAndStop(scanner));
    }
    EXPECT_TRUE(first.interrupted);
    EXPECT_GT(first.measured, 0u);
    EXPECT_LT(first.measured, kMailboxes + 0u);

    const ScanReport second = Sweep();

    EXPECT_EQ(second.work.directories_read, (kMailboxes - first.measured) * 3);
    EXPECT_EQ(usage_.figures.size(), kMailboxes + 0u);
}

async::Task<> SweepThenDeliver(Scanner& scanner, test::MailStore& store) {
    co_await scanner.Sweep(Thoroughness::kWhatChanged);
    store.Deliver("example.org/ann", 5);
    std::vector<std::string> changed{"example.org/ann", "example.org/nobody"};
    co_await scanner.Remeasure(std::move(changed));
}

TEST_F(ScannerTest, MeasuresASingleMailboxAtOnce) {
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(SweepThenDeliver(scanner, store_));
    EXPECT_EQ(BytesOf("ann@example.org"), 15u);
}

/// How many files were asked for their size, all in all, after a sweep and two changes.
async::Task<> SweepAndRemeasureTwice(Scanner& scanner, std::vector<std::uint64_t>& asked) {
    co_await scanner.Sweep(Thoroughness::kWhatChanged);
    asked.push_back(scanner.TotalsSoFar().work.files_asked);
    const std::vector<std::string> changed{"example.org/ann"};
    for (int times = 0; times < 2; ++times) {
        co_await scanner.Remeasure(changed);
        co_await scanner.Finish();
        asked.push_back(scanner.TotalsSoFar().work.files_asked);
    }
}

TEST_F(ScannerTest, LeavesAMailboxAloneForAWhileThatTakesLongToMeasure) {
    constexpr int kMessages = 20'000;  // each asked for its size: that takes tens of milliseconds
    store_.MakeMaildir("example.org/ann");
    for (int i = 0; i < kMessages; ++i)
        store_.WriteFile("example.org/ann/cur/" + std::to_string(i) + ".host:2,S", 0);
    options_.clock = [] { return CoarseFileClock() - 3'600'000'000'000; };  // nothing is believed
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    std::vector<std::uint64_t> asked;
    loop.RunUntilDone(SweepAndRemeasureTwice(scanner, asked));
    // A sweep is no reason: what comes right after it is measured at once.
    EXPECT_EQ(asked[1], asked[0] + kMessages);
    EXPECT_EQ(asked[2], asked[1]);
}

/// Whether the next look at the clock is to last, and until when.
std::atomic<bool> clock_is_to_last = false;
std::binary_semaphore clock_goes_on(0);

FileTime ClockThatMayLast() {
    if (clock_is_to_last.exchange(false)) clock_goes_on.acquire();
    return CoarseFileClock() + 3'600'000'000'000;
}

TEST_F(ScannerTest, KeepsNobodyWaitingForAMailboxThatTakesLongToMeasure) {
    const std::vector<std::string> mailboxes{"example.org/ann", "example.org/bob"};
    for (const std::string& mailbox : mailboxes) store_.Deliver(mailbox, 10);
    options_.clock = ClockThatMayLast;
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    for (const std::string& mailbox : mailboxes) store_.Deliver(mailbox, 5);

    clock_is_to_last = true;
    const auto done = loop.RunUntilDone(scanner.Remeasure(mailboxes));
    EXPECT_EQ(done.size(), 1u);
    EXPECT_EQ(BytesOf("ann@example.org") + BytesOf("bob@example.org"), 15u + 10u);

    clock_goes_on.release();
    loop.RunUntilDone(scanner.Finish());
    EXPECT_EQ(BytesOf("ann@example.org"), 15u);
    EXPECT_EQ(BytesOf("bob@example.org"), 15u);
}

TEST_F(ScannerTest, CountsTheGraceFromTheEndOfAMeasuringThatTakesLong) {
    store_.Deliver("example.org/ann", 10);
    options_.clock = ClockThatMayLast;
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    const std::vector<std::string> ann{"example.org/ann"};
    const auto to_be_settled_after = [&](std::chrono::milliseconds time) {
        usage_.now += time;
        loop.RunUntilDone(scanner.StoreHasLost());
        return scanner.ToBeSettled();
    };
    usage_.now += std::chrono::seconds(1);
    store_.Deliver("example.org/ann", 5);
    clock_is_to_last = true;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THAT(loop.RunUntilDone(scanner.Remeasure(ann)), testing::IsEmpty());
    const auto took = std::chrono::steady_clock::now() - begin;  // until nobody waited any more
    ASSERT_GT(took, std::chrono::milliseconds(10));
    clock_goes_on.release();
    loop.RunUntilDone(scanner.Finish());
    EXPECT_EQ(BytesOf("ann@example.org"), 15u);

    EXPECT_THAT(to_be_settled_after(options_.grace), testing::IsEmpty());
    EXPECT_EQ(to_be_settled_after(std::chrono::minutes(1)), ann);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    EXPECT_THAT(to_be_settled_after(std::chrono::milliseconds(1)), testing::IsEmpty());
}

TEST_F(ScannerTest, VerifiesAlsoWhatIsBeingMeasuredSinceItChanged) {
    const std::string message = store_.Deliver("example.org/ann", 10, false);
    store_.Deliver("example.org/bob", 10);
    options_.clock = ClockThatMayLast;
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    store_.WriteFile("example.org/ann/new/" + message, 80);  // which no directory tells of
    const std::vector<std::string> ann{"example.org/ann"};
    clock_is_to_last = true;
    loop.RunUntilDone(scanner.Remeasure(ann));
    scanner.OnProgress([&] {
        if (scanner.CurrentProgress().measured == 1) clock_goes_on.release();  // bob
    });
    EXPECT_EQ(loop.RunUntilDone(scanner.Sweep(Thoroughness::kEverything)).drifted, 1u);
    EXPECT_EQ(BytesOf("ann@example.org"), 80u);
}

TEST_F(ScannerTest, EndsASweepAlsoWhileMailboxesComeAllTheTime) {
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    int came = 0;
    int promised = 0;  // to be looked for by this sweep
    int appeared = 0;
    const auto come = [&] {
        if (came == 100) return;
        store_.Deliver("example.org/u" + std::to_string(++came), 10);
        promised += scanner.LookAgain() ? 1 : 0;
    };
    scanner.OnProgress(come);
    scanner.OnAppeared([&](const std::vector<std::string>& mailboxes) {
        appeared += static_cast<int>(mailboxes.size());
        come();
    });
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    EXPECT_GT(promised, 1);
    EXPECT_LT(came, 100);
    EXPECT_EQ(appeared, promised);
}

TEST_F(ScannerTest, TakesInWhatComesBetweenItsSurveyAndItsFirstMeasurement) {
    store_.Deliver("example.org/ann", 10);
    Sweep();
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    usage_.on_found = [&] {  // looked up to be compared
        store_.Deliver("example.org/bob", 10);
        EXPECT_TRUE(scanner.LookAgain());
    };
    std::vector<std::string> appeared;
    scanner.OnAppeared([&](const std::vector<std::string>& mailboxes) { appeared = mailboxes; });
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kEverything));
    EXPECT_THAT(appeared, testing::ElementsAre("example.org/bob"));
    EXPECT_EQ(BytesOf("bob@example.org"), 10u);
}

/// A sweep that takes seconds, since its rate is limited, and what happens beside it.
class SlowSweepTest : public ScannerTest {
protected:
    SlowSweepTest() {
        for (int i = 10; i < 50; ++i)
            for (int messages = 0; messages < 20; ++messages)
                store_.Deliver("example.org/u" + std::to_string(i), 10);
        options_.rate_limit = 200;
    }
    ~SlowSweepTest() override {
        scanner_->Stop();
        while (!has_ended_) loop_.RunOnce();
    }

    void BeginSweep() {
        scanner_.emplace(loop_, usage_, state_, options_);
        scanner_->OnAppeared([this](const std::vector<std::string>& mailboxes) {
            async::Spawn(Measure(mailboxes),
                         [](std::exception_ptr error) { std::rethrow_exception(error); });
        });
        async::Spawn(SweepAll(), [](std::exception_ptr error) { std::rethrow_exception(error); });
        while (!has_ended_ && scanner_->CurrentProgress().measured == 0) loop_.RunOnce();
    }
    bool IsSweeping() const { return scanner_->CurrentProgress().sweeping; }

    async::EventLoop loop_;
    std::optional<Scanner> scanner_;

private:
    async::Task<> Measure(std::vector<std::string> mailboxes) {
        co_await scanner_->Remeasure(std::move(mailboxes));
    }
    async::Task<> SweepAll() {
        co_await scanner_->Sweep(Thoroughness::kWhatChanged);
        has_ended_ = true;
    }

    bool has_ended_ = false;
};

TEST_F(SlowSweepTest, DoesNotKeepMailboxesFromBeingMeasuredWhenTheyChange) {
    BeginSweep();
    std::vector<std::string> changed{"example.org/u18", "example.org/u49"};
    const auto done = loop_.RunUntilDone(scanner_->Remeasure(changed));
    EXPECT_EQ(done, changed);
    EXPECT_TRUE(IsSweeping());
    EXPECT_EQ(BytesOf("u49@example.org"), 200u);
}

TEST_F(SlowSweepTest, KeepsItsRateWhileMailboxesChange) {
    options_.rate_limit = 20;  // a mailbox takes more than a second
    options_.threads = 8;
    BeginSweep();
    const std::vector<std::string> changed{"example.org/u49"};
    for (int times = 0; times < 40; ++times) loop_.RunUntilDone(scanner_->Remeasure(changed));
    EXPECT_LT(scanner_->CurrentProgress().measured, 20u);
}

TEST_F(SlowSweepTest, TakesInMailboxesThatComeAndGo) {
    options_.rate_limit = 0;
    Sweep();
    ASSERT_EQ(usage_.figures.size(), 40u);
    options_.rate_limit = 30;
    BeginSweep();
    store_.Deliver("example.org/early", 5);  // before where the sweep is
    store_.Deliver("example.org/zoe", 5);
    fs::remove_all(store_ / "example.org/u48");
    EXPECT_TRUE(scanner_->LookAgain());
    while (IsSweeping() &&
           (usage_.figures.size() != 41 || !usage_.figures.contains("early@example.org")))
        loop_.RunOnce();
    EXPECT_TRUE(IsSweeping());
    EXPECT_EQ(BytesOf("early@example.org"), 5u);
    EXPECT_EQ(BytesOf("zoe@example.org"), 5u);
    EXPECT_FALSE(usage_.figures.contains("u48@example.org"));
}

TEST_F(SlowSweepTest, TellsAStoreThatLosesEverythingMeanwhileWhatItHad) {
    options_.rate_limit = 0;
    Sweep();
    store_.Deliver("example.org/u49", 5);  // where the sweep has yet to come
    options_.rate_limit = 30;
    BeginSweep();
    for (int times = 0; times < 2; ++times) {
        const auto before = std::exchange(usage_.figures, {});
        usage_.wrong_domains.insert("example.org");
        EXPECT_TRUE(loop_.RunUntilDone(scanner_->StoreHasLost()));
        while (IsSweeping() && usage_.figures.size() < 40) loop_.RunOnce();
        EXPECT_TRUE(IsSweeping());
        EXPECT_EQ(BytesOf("u49@example.org"), 200u);
        EXPECT_EQ(usage_.figures.at("u49@example.org").began, before.at("u49@example.org").began);
        EXPECT_TRUE(usage_.wrong_domains.empty());
    }
}

TEST_F(SlowSweepTest, EndsAtOnceAndRemovesNothingWhereItIsBrokenOff) {
    options_.rate_limit = 0;
    Sweep();
    options_.rate_limit = 30;
    BeginSweep();
    fs::remove_all(store_ / "example.org/u48");
    EXPECT_TRUE(scanner_->LookAgain());
    scanner_->BreakOff();
    EXPECT_FALSE(scanner_->LookAgain());
    while (IsSweeping()) loop_.RunOnce();
    EXPECT_LT(scanner_->CurrentProgress().measured, 10u);
    EXPECT_EQ(usage_.figures.size(), 40u);
    options_.rate_limit = 0;
    Sweep();
    EXPECT_EQ(usage_.figures.size(), 39u);
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

}  // namespace
}  // namespace policyd::scanner
