// Whatever happens to a mail store while it is scanned, the usage store is right once it rests:
// equal to a plain recount, and to Dovecot's. A long run:
//
//     POLICYD_SEED=7 POLICYD_CASES=5000 build/dev/bin/integration_scan_truth
//
// Dovecot is asked after every POLICYD_DOVECOT_EVERY sequences (50).

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "policyd/scanner/scanner.hpp"
#include "tests/integration/scan_daemon.hpp"
#include "tests/integration/scan_disturber.hpp"
#include "tests/support/dovecot_instance.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/plain_recount.hpp"
#include "tests/support/recording_usage_store.hpp"

namespace policyd {
namespace {

namespace fs = std::filesystem;
using test::Figures;
using test::Text;
std::uint64_t Environment(const char* name, std::uint64_t otherwise) {
    const char* const value = std::getenv(name);
    return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

/// Scans that run one after the other, in this process.
class Scans {
public:
    explicit Scans(const fs::path& root) {
        options_.root = root;
        options_.threads = 2;
        options_.most_vanished_percent = 100;
    }

    void Sweep(scanner::Thoroughness thoroughness) {
        async::EventLoop loop;
        scanner::Scanner scanner(loop, store_, state_, options_);
        loop.RunUntilDone(scanner.Sweep(thoroughness));
    }

    Figures Found() const {
        Figures figures;
        for (const auto& [mailbox, measurement] : store_.figures)
            figures[mailbox] = {measurement.bytes, measurement.messages};
        return figures;
    }

private:
    test::RecordingUsageStore store_;
    scanner::ScanState state_;
    scanner::ScannerOptions options_;
};

TEST(ScanTruthTest, ScansAreRightAfterAnySequenceOfChangesMadeWhileTheyRun) {
    const std::uint64_t seed = Environment("POLICYD_SEED", 1);
    const std::uint64_t sequences = Environment("POLICYD_CASES", 150);
    const std::uint64_t dovecot_every = Environment("POLICYD_DOVECOT_EVERY", 50);
    const test::ScratchDirectory scratch;
    test::Disturber disturber(scratch / "mail", seed);
    const test::DovecotInstance dovecot(scratch / "mail", test::Disturber::Users());
    Scans scans(scratch / "mail");
    std::uint64_t agreed_with_dovecot = 0;
    for (std::uint64_t sequence = 0; sequence < sequences; ++sequence) {
        std::atomic<bool> resting{false};
        std::thread disturb([&] {
            for (int step = 0; step < 30; ++step) disturber.Step();
            resting = true;
        });
        do {
            scans.Sweep(sequence % 10 == 9 ? scanner::Thoroughness::kEverything
                                           : scanner::Thoroughness::kWhatChanged);
        } while (!resting);
        disturb.join();

        scans.Sweep(scanner::Thoroughness::kWhatChanged);
        const Figures truth = test::RecountStore(scratch / "mail");
        const Figures found = scans.Found();
        ASSERT_EQ(found, truth) << "POLICYD_SEED=" << seed << ", sequence " << sequence
                                << "\nfound\n"
                                << Text(found) << "instead of\n"
                                << Text(truth);
        if (sequence % dovecot_every != dovecot_every - 1) continue;
        for (const auto& [mailbox, usage] : truth) {
            const auto quota = dovecot.Recalculate(mailbox);
            ASSERT_TRUE(quota) << mailbox;
            EXPECT_EQ(quota->bytes, usage.bytes) << mailbox;
            EXPECT_EQ(quota->messages, usage.messages) << mailbox;
            ++agreed_with_dovecot;
        }
    }
    std::cout << sequences << " sequences of 30 changes ended in the true figures; Dovecot agreed "
              << "on " << agreed_with_dovecot << " mailboxes\n";
}

class LiveScanTest : public testing::TestWithParam<const char*> {};

TEST_P(LiveScanTest, FollowsEveryChangeWithoutASweepBeingDue) {
    const std::uint64_t seed = Environment("POLICYD_SEED", 1);
    const std::uint64_t rounds = Environment("POLICYD_CASES", 200) / 20;
    const test::ScratchDirectory scratch;
    test::Disturber disturber(scratch / "mail", seed);
    test::ScanDaemon daemon(scratch.Path(), GetParam(), "24h");
    daemon.Start();
    test::WaitUntil(
        "the first figures", [&] { return !daemon.Found().empty(); }, scratch / "scan.log");
    if (daemon.Log().find(std::string("live: ") + GetParam()) == std::string::npos) {
        daemon.Stop();
        GTEST_SKIP() << GetParam() << " is not permitted here:\n" << daemon.Log();
    }
    for (std::uint64_t round = 0; round < rounds; ++round) {
        for (int step = 0; step < 40; ++step) disturber.Step();
        const Figures truth = test::RecountStore(scratch / "mail");
        test::WaitUntil(
            "round " + std::to_string(round) + " of POLICYD_SEED=" + std::to_string(seed) + ":\n" +
                Text(truth),
            [&] { return daemon.Found() == truth; }, scratch / "scan.log",
            std::chrono::seconds(20));
    }
    EXPECT_EQ(daemon.Stop(), 0) << daemon.Log();
}

INSTANTIATE_TEST_SUITE_P(Methods, LiveScanTest, testing::Values("fanotify", "inotify"),
                         [](const auto& test) { return std::string(test.param); });

TEST(ScanTruthTest, AKillAtAnyMomentAndARestartEndInTheSameFigures) {
    const std::uint64_t seed = Environment("POLICYD_SEED", 1);
    const std::uint64_t kills = Environment("POLICYD_CASES", 120) / 20;
    const test::ScratchDirectory scratch;
    test::Disturber disturber(scratch / "mail", seed);
    std::mt19937_64 random(seed);
    test::ScanDaemon daemon(scratch.Path(), "off", "1s");
    for (std::uint64_t kill = 0; kill < kills; ++kill) {
        daemon.Start();
        // The moment is a matter of chance: the next steps take as long as they take.
        for (std::uint64_t steps = random() % 400; steps > 0; --steps) disturber.Step();
        daemon.Kill();
        for (std::uint64_t steps = random() % 20; steps > 0; --steps) disturber.Step();
        ASSERT_EQ(daemon.ScanOnce(), 0) << daemon.Log();
        ASSERT_EQ(Text(daemon.Found()), Text(test::RecountStore(scratch / "mail")))
            << "POLICYD_SEED=" << seed << ", kill " << kill << "\n"
            << daemon.Log();
    }
}

}  // namespace
}  // namespace policyd
