// Whatever happens to a mail store while it is scanned, the usage store is right once it rests:
// equal to a plain recount, and to Dovecot's. A long run:
//
//     POLICYD_SEED=7 POLICYD_CASES=5000 build/dev/bin/integration_scan_truth

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "common/config/settings.hpp"
#include "common/usage/open_usage_store.hpp"
#include "policyd/scanner/scanner.hpp"
#include "tests/integration/scan_disturber.hpp"
#include "tests/support/dovecot_instance.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/plain_recount.hpp"
#include "tests/support/recording_usage_store.hpp"

namespace policyd {
namespace {

namespace fs = std::filesystem;
using Figures = std::map<std::string, test::RecountedMailbox>;

std::uint64_t Environment(const char* name, std::uint64_t otherwise) {
    const char* const value = std::getenv(name);
    return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

std::string Text(const Figures& figures) {
    std::string text;
    for (const auto& [mailbox, usage] : figures)
        text += "  " + mailbox + ": " + std::to_string(usage.bytes) + " bytes, " +
                std::to_string(usage.messages) + " messages\n";
    return text;
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
        if (sequence % 50 != 49) continue;
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

/// policyd-scan as a process of its own, on a store that a test disturbs.
class Daemon {
public:
    Daemon(const fs::path& scratch, const std::string& live, const std::string& interval)
        : scratch_(scratch) {
        settings_.usage_store = "sqlite:" + (scratch / "usage.sqlite").string();
        std::ofstream config(scratch / "policyd.toml");
        config << "virtual_mailbox_base = \"" << (scratch / "mail").string() << "\"\n"
               << "usage_store = \"" << settings_.usage_store << "\"\n"
               << "scan_state_file = \"" << (scratch / "scan.state").string() << "\"\n"
               << "scan_live = \"" << live << "\"\n"
               << "scan_interval = \"" << interval << "\"\n"
               << "scan_settle_time = \"20ms\"\n"
               << "scan_threads = 2\n"
               << "scan_most_vanished_percent = 100\n";
    }

    void Start() { process_.emplace(Command(), test::Process::Options{scratch_ / "scan.log"}); }
    void Kill() {
        process_->Signal(SIGKILL);
        process_->Wait();
        process_.reset();
    }
    std::optional<int> Stop() {
        process_->Signal(SIGTERM);
        const auto status = process_->Wait();
        process_.reset();
        return status;
    }
    int ScanOnce() const {
        std::vector<std::string> command = Command();
        command.push_back("--once");
        const test::Finished scan = test::Run(command);
        std::ofstream(scratch_ / "scan.log", std::ios::app) << scan.output << scan.errors;
        return scan.status;
    }
    /// Nothing while the store is busy.
    Figures Found() const {
        async::EventLoop loop;
        const auto store = usage::OpenUsageStore(loop, settings_);
        Figures figures;
        try {
            for (const std::string& mailbox : loop.RunUntilDone(store->MeasuredMailboxes())) {
                const auto usage = loop.RunUntilDone(store->Find(mailbox));
                if (usage) figures[mailbox] = {usage->bytes, usage->messages};
            }
        } catch (const outage::UsageStoreUnavailable&) {
            return {};
        }
        return figures;
    }
    std::string Log() const { return test::ReadFile(scratch_ / "scan.log"); }

private:
    std::vector<std::string> Command() const {
        return {test::ProgramPath("policyd-scan"), "--config", scratch_ / "policyd.toml"};
    }

    fs::path scratch_;
    config::Settings settings_;
    std::optional<test::Process> process_;
};

class LiveScanTest : public testing::TestWithParam<const char*> {};

TEST_P(LiveScanTest, FollowsEveryChangeWithoutASweepBeingDue) {
    const std::uint64_t seed = Environment("POLICYD_SEED", 1);
    const std::uint64_t rounds = Environment("POLICYD_CASES", 200) / 20;
    const test::ScratchDirectory scratch;
    test::Disturber disturber(scratch / "mail", seed);
    Daemon daemon(scratch.Path(), GetParam(), "24h");
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
    Daemon daemon(scratch.Path(), "off", "1s");
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
