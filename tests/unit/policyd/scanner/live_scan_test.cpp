#include "policyd/scanner/live_scan.hpp"

#include "common/async/beside.hpp"
#include "common/async/sleep.hpp"
#include "tests/unit/policyd/scanner/scanner_fixture.hpp"

namespace policyd::scanner {
namespace {

using namespace std::chrono_literals;

class LiveScanTest : public ScannerTest {
protected:
    /// Measures everything once, then what changes until `is_over`.
    void Watch(const std::string& how, std::function<void()> begin, std::function<bool()> is_over) {
        async::EventLoop loop;
        Scanner scanner(loop, usage_, state_, options_);
        LiveScan live(loop, scanner, state_, options_.root, how, 5ms,
                      [this](LiveScan::Sweep) { ++sweeps_asked_for_; });
        live_ = &live;
        loop.RunUntilDone(WatchUntil(loop, scanner, how, std::move(begin), std::move(is_over)));
    }

    async::Task<> WatchUntil(async::EventLoop& loop, Scanner& scanner, std::string how,
                             std::function<void()> begin, std::function<bool()> is_over) {
        live_->Start();
        is_watched_ = live_->Method() == how;
        co_await scanner.Sweep(Thoroughness::kWhatChanged);
        live_->AfterSweep();
        async::Beside running(live_->Run());
        begin();
        for (int patience = 2'000; is_watched_ && patience > 0 && !is_over(); --patience)
            co_await async::Sleep(loop.Raw(), 5ms);
        live_->Stop();
        co_await running.End();
    }

    LiveScan* live_ = nullptr;
    bool is_watched_ = false;  // as was asked for
    int sweeps_asked_for_ = 0;
};

TEST_F(LiveScanTest, AMarkThatComesWhileItsMailboxIsMeasuredHasItMeasuredOnceMore) {
    store_.Deliver("example.org/ann", 10);
    const auto deliver = [this] {
        store_.Deliver("example.org/ann", 5);
        live_->MeasureSoon("example.org/ann");
    };
    int commits = 0;
    usage_.on_commit = [&] {
        if (++commits == 2) deliver();
    };
    Watch("off", deliver, [this] { return BytesOf("ann@example.org") == 20; });
    EXPECT_EQ(BytesOf("ann@example.org"), 20u);
}

TEST_F(LiveScanTest, AnOutageLosesNoMark) {
    store_.Deliver("example.org/ann", 10);
    const auto deliver = [this] {
        store_.Deliver("example.org/ann", 5);
        live_->MeasureSoon("example.org/ann");
        usage_.failures = 6;  // more than patience has
    };
    Watch("off", deliver, [this] { return BytesOf("ann@example.org") == 15; });
    EXPECT_EQ(BytesOf("ann@example.org"), 15u);
}

class LiveWatchTest : public LiveScanTest, public testing::WithParamInterface<const char*> {
protected:
    /// How many sweeps a file calls for, once `mailbox` is watched.
    int SweepsAskedForBy(const std::string& file, const std::string& mailbox,
                         const std::string& address) {
        const auto deliver = [&] { store_.Deliver(mailbox, 5); };
        int delivered = 0;
        const auto is_over = [&] {
            if (usage_.figures.at(address).messages < 2u + delivered) return false;
            if (++delivered == 2) return true;
            sweeps_asked_for_ = 0;
            store_.WriteFile(file, 1);
            deliver();
            return false;
        };
        Watch(GetParam(), deliver, is_over);
        return sweeps_asked_for_;
    }
};

TEST_P(LiveWatchTest, AFileInADirectoryAboveMailboxesHasNoneLookedFor) {
    options_.layout = "%d/%u/Maildir";
    store_.Deliver("example.org/ann/Maildir", 10);
    EXPECT_EQ(SweepsAskedForBy("example.org/ann/.dovecot.lda-dupes", "example.org/ann/Maildir",
                               "ann@example.org"),
              0);
    if (!is_watched_) GTEST_SKIP() << "not permitted here";
    EXPECT_EQ(BytesOf("ann@example.org"), 20u);
}

TEST_P(LiveWatchTest, AFileInTheMaildirThatADomainIsHasNoMailboxLookedFor) {
    store_.Deliver("example.org", 10);
    store_.Deliver("example.org/ann", 10);
    EXPECT_EQ(SweepsAskedForBy("example.org/dovecot-uidlist", "example.org", "@example.org"), 0);
    if (!is_watched_) GTEST_SKIP() << "not permitted here";
    EXPECT_EQ(BytesOf("@example.org"), 20u);
}

TEST_P(LiveWatchTest, AMessageThatMakesADomainAMaildirHasThatLookedFor) {
    for (const char* user : {"new", "cur", "tmp"})
        store_.Deliver("example.org/" + std::string(user), 10);
    const int asked_for =
        SweepsAskedForBy("example.org/new/1.host", "example.org/cur", "cur@example.org");
    if (!is_watched_) GTEST_SKIP() << "not permitted here";
    EXPECT_GT(asked_for, 0);
}

INSTANTIATE_TEST_SUITE_P(Methods, LiveWatchTest, testing::Values("fanotify", "inotify"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace policyd::scanner
