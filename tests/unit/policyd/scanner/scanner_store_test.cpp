/// What the usage store is told, and what a scan does where it does not answer.

#include <gmock/gmock.h>

#include <algorithm>
#include <sstream>

#include "common/async/beside.hpp"
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
    // The sweep will be dated like the last one.
    usage_.now = usage_.figures.at("ann@example.org").began - std::chrono::milliseconds(1);
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

/// A verification of many mailboxes, all measured, of which a slow store has taken none yet.
class BacklogTest : public ScannerTest {
protected:
    static constexpr int kMailboxes = 400;

    BacklogTest() {
        for (int i = 0; i < kMailboxes; ++i)
            store_.MakeMaildir("example.org/u" + std::to_string(i));
        store_.Deliver("example.org/zed", 10);
        Sweep();
        usage_.commits_let_through = 0;
        options_.patience = Patience::kForever;
    }

    using Condition = std::function<bool()>;

    /// Does something beside it. Once that `waits` for the store, one batch after the other is let
    /// through until `is_done`: returns how many measurements were in them.
    std::uint64_t CommitsUntil(Condition is_done, std::function<void(Scanner&)> meanwhile,
                               Condition waits) {
        async::EventLoop loop;
        Scanner scanner(loop, usage_, state_, options_);
        return loop.RunUntilDone(VerifyBeside(loop, scanner, std::move(is_done),
                                              std::move(meanwhile), std::move(waits)));
    }

private:
    async::Task<std::uint64_t> VerifyBeside(async::EventLoop& loop, Scanner& scanner,
                                            Condition is_done,
                                            std::function<void(Scanner&)> meanwhile,
                                            Condition waits) {
        const std::uint64_t before = usage_.commits;
        async::Beside sweeping(VerifyAll(scanner));
        while (scanner.CurrentProgress().measured <= kMailboxes) co_await Pause(loop);
        meanwhile(scanner);
        for (int patience = 2'000; patience > 0 && !waits(); --patience) co_await Pause(loop);
        while (!is_done() && usage_.commits - before <= kMailboxes) {
            usage_.LetCommitsThrough(1);
            co_await Pause(loop);
        }
        const std::uint64_t until_done = usage_.commits - before;
        usage_.LetCommitsThrough(kMailboxes);
        co_await sweeping.End();
        co_await scanner.Finish();
        co_return until_done;
    }

    static async::Sleep Pause(async::EventLoop& loop) {
        return async::Sleep(loop.Raw(), std::chrono::milliseconds(5));
    }
    static async::Task<> VerifyAll(Scanner& scanner) {
        co_await scanner.Sweep(Thoroughness::kEverything);
    }
};

async::Task<> RemeasureOne(Scanner& scanner, std::string mailbox, bool& is_through) {
    std::vector<std::string> mailboxes = {std::move(mailbox)};
    co_await scanner.Remeasure(std::move(mailboxes));
    is_through = true;
}

TEST_F(BacklogTest, IsNotWaitedForByAMailboxThatHasJustChanged) {
    bool is_through = false;
    const auto remeasure = [&](Scanner& scanner) {
        store_.Deliver("example.org/zed", 5);
        async::Spawn(RemeasureOne(scanner, "example.org/zed", is_through));
    };
    const auto is_measured = [this] {
        return state_.mailboxes.at("example.org/zed").record->Bytes() == 15;
    };
    EXPECT_LT(CommitsUntil([&] { return is_through; }, remeasure, is_measured), kMailboxes + 0u);
    EXPECT_EQ(BytesOf("zed@example.org"), 15u);
}

TEST_F(BacklogTest, IsNotWaitedForByTheEntryOfAMailboxThatIsGone) {
    const auto remove = [&](Scanner& scanner) {
        store_.Remove("example.org/zed");
        EXPECT_TRUE(scanner.LookAgain());
    };
    const auto is_forgotten = [this] { return !state_.mailboxes.contains("example.org/zed"); };
    const auto is_removed = [this] { return !usage_.figures.contains("zed@example.org"); };
    EXPECT_LT(CommitsUntil(is_removed, remove, is_forgotten), kMailboxes + 0u);
    EXPECT_TRUE(is_removed());
}

TEST_F(ScannerTest, CommitsWhatChangesAfterTheStoresClockWasSetBack) {
    store_.Deliver("example.org/ann", 10);
    store_.Deliver("example.org/bob", 10);
    usage_.now += 10 * options_.verify_interval;
    Sweep();
    usage_.now -= 10 * options_.verify_interval;
    store_.Deliver("example.org/ann", 5);

    Sweep();

    EXPECT_EQ(BytesOf("ann@example.org"), 15u);
    EXPECT_LE(usage_.figures.at("bob@example.org").began, usage_.now);
    EXPECT_EQ(Sweep().committed, 0u);
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
        EXPECT_THAT(scanner.ToBeSettled(), testing::IsEmpty());
    }
}

TEST_F(ScannerTest, IsNotThroughWithAMailboxWhileTheStoresClockIsBehindWhatItHolds) {
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    store_.Deliver("example.org/ann", 5);
    const std::vector<std::string> ann = {"example.org/ann"};
    // By less than is noticed, and once more while that is waited for: it goes on by the look.
    usage_.now -= std::chrono::milliseconds(100);
    EXPECT_THAT(loop.RunUntilDone(scanner.Remeasure(ann)), testing::IsEmpty());
    EXPECT_EQ(scanner.ToBeSettled(), ann) << "also where a scan found it";
    usage_.now += std::chrono::milliseconds(100);
    EXPECT_EQ(loop.RunUntilDone(scanner.Remeasure(ann)), ann);
    EXPECT_EQ(BytesOf("ann@example.org"), 15u);
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

TEST_F(ScannerTest, MindsNoClockThatIsSetBackByLessThanASecond) {
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    usage_.now -= std::chrono::milliseconds(500);
    loop.RunUntilDone(scanner.Remeasure({}));
    EXPECT_FALSE(loop.RunUntilDone(scanner.StoreHasLost()));
}

TEST_F(ScannerTest, CommitsAlsoAtOnceAChangeOfTheMomentOfTheLastMeasurement) {
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged));
    usage_.now = usage_.figures.at("ann@example.org").began - std::chrono::milliseconds(1);
    store_.Deliver("example.org/ann", 5);
    loop.RunUntilDone(scanner.Remeasure({"example.org/ann"}));
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

TEST_F(ScannerTest, WaitsOutAStoreThatIsBusyWhenItIsAskedForItsMailboxes) {
    store_.Deliver("example.org/ann", 10);
    usage_.unmeasured = {"new@example.org"};
    int asked = 0;
    usage_.on_list = [&] {
        if (++asked % 3 == 0) return;
        usage_.failures = 1;
        throw outage::UsageStoreUnavailable("it is busy");
    };
    EXPECT_EQ(Sweep().committed, 1u);
    EXPECT_EQ(usage_.absent.size(), 1u);
}

TEST_F(ScannerTest, GivesUpOnAStoreThatAnswersAllButWhichMailboxesItHas) {
    options_.patience = Patience::kForever;
    usage_.on_list = [] { throw outage::UsageStoreUnavailable("no permission"); };
    EXPECT_THROW(Sweep(), outage::UsageStoreUnavailable);
}

TEST_F(ScannerTest, HandsBackTheLookThatASweepHasPromisedWhichFails) {
    store_.Deliver("example.org/ann", 10);
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    usage_.on_list = [&] {
        EXPECT_TRUE(scanner.LookAgain());
        throw outage::UsageStoreUnavailable("no permission");
    };
    EXPECT_THROW(loop.RunUntilDone(scanner.Sweep(Thoroughness::kWhatChanged)),
                 outage::UsageStoreUnavailable);
    EXPECT_FALSE(scanner.LookAgain()) << "there is nobody who would";
    EXPECT_TRUE(scanner.OwesALook());
    EXPECT_FALSE(scanner.OwesALook());
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

TEST_F(ScannerTest, ReadsEverythingAgainOnceVerificationIsDue) {
    store_.Deliver("example.org/ann", 100);
    Sweep();
    EXPECT_EQ(Sweep().work.directories_read, 0u);
    usage_.now += options_.verify_interval;
    EXPECT_EQ(Sweep().work.directories_read, 3u);
}

TEST_F(ScannerTest, SpreadsVerificationsOverTheLastQuarterOfTheirInterval) {
    constexpr std::uint64_t kMailboxes = 50;
    for (std::uint64_t i = 0; i < kMailboxes; ++i)
        store_.MakeMaildir("example.org/u" + std::to_string(i));
    Sweep();
    usage_.now += options_.verify_interval / 2;
    EXPECT_EQ(Sweep().work.directories_read, 0u);
    usage_.now += options_.verify_interval * 3 / 8;
    const std::uint64_t read = Sweep().work.directories_read;
    EXPECT_GT(read, 0u);
    EXPECT_LT(read, kMailboxes * 3);
    usage_.now += options_.verify_interval / 8;
    EXPECT_EQ(Sweep().work.directories_read, kMailboxes * 3 - read);
}

TEST_F(ScannerTest, ComparesItsListWithTheStoresOnceInAnIntervalOfVerification) {
    store_.Deliver("example.org/ann", 100);
    options_.accept_removals = false;
    Sweep();
    const auto is_removed_after = [this](std::chrono::milliseconds time) {
        usage_.now += time;
        usage_.figures["gone@example.org"] = {};
        Sweep();
        return !usage_.figures.contains("gone@example.org");
    };
    const std::chrono::milliseconds interval = options_.verify_interval;
    EXPECT_FALSE(is_removed_after(interval / 2));
    EXPECT_TRUE(is_removed_after(interval / 2));
    EXPECT_FALSE(is_removed_after(interval / 2));
    options_.verify_interval = std::chrono::milliseconds(0);
    EXPECT_FALSE(is_removed_after(interval)) << "never";
    EXPECT_EQ(Sweep().work.directories_read, 0u);
}

TEST_F(ScannerTest, HasMailboxesSavedThatAppearBeforeTheStoreHearsOfThem) {
    async::EventLoop loop;
    Scanner scanner(loop, usage_, state_, options_);
    Scanner::Mailboxes named;
    scanner.OnNew([&](const Scanner::Mailboxes& mailboxes) {
        EXPECT_EQ(usage_.figures.size(), named.size());
        named.insert(named.end(), mailboxes.begin(), mailboxes.end());
    });
    int saved = 0;
    scanner.OnMustBeSaved([&] { ++saved; });
    const auto sweep = [&](Thoroughness thoroughness = Thoroughness::kWhatChanged) {
        loop.RunUntilDone(scanner.Sweep(thoroughness));
    };
    store_.Deliver("example.org/ann", 10);
    sweep();
    store_.Deliver("example.org/bob", 10);
    sweep();
    EXPECT_THAT(named, testing::ElementsAre("example.org/ann", "example.org/bob"));
    sweep();
    state_.has_changed = false;
    sweep();
    EXPECT_FALSE(state_.has_changed);
    usage_.now += options_.refresh_interval;
    sweep();
    EXPECT_TRUE(state_.has_changed) << "what was committed when";
    EXPECT_EQ(saved, 0);
    usage_.figures["ann@example.org"].bytes = 11;
    sweep(Thoroughness::kEverything);
    EXPECT_EQ(saved, 1) << "figures were lost";
    EXPECT_EQ(named.size(), 2u);
}

}  // namespace
}  // namespace policyd::scanner
