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
        loop.RunUntilDone(WatchUntil(loop, scanner, std::move(begin), std::move(is_over)));
    }

    async::Task<> WatchUntil(async::EventLoop& loop, Scanner& scanner, std::function<void()> begin,
                             std::function<bool()> is_over) {
        live_->Start();
        co_await scanner.Sweep(Thoroughness::kWhatChanged);
        live_->AfterSweep();
        async::Beside running(live_->Run());
        begin();
        for (int patience = 2'000; patience > 0 && !is_over(); --patience)
            co_await async::Sleep(loop.Raw(), 5ms);
        live_->Stop();
        co_await running.End();
    }

    LiveScan* live_ = nullptr;
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

}  // namespace
}  // namespace policyd::scanner
