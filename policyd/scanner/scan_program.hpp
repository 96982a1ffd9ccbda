#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "common/async/detached_call.hpp"
#include "common/async/event_loop.hpp"
#include "common/async/periodic.hpp"
#include "common/async/timer.hpp"
#include "common/config/settings.hpp"
#include "common/outage/outage_log.hpp"
#include "policyd/scanner/command_line.hpp"
#include "policyd/scanner/live_scan.hpp"
#include "policyd/scanner/progress_line.hpp"
#include "policyd/scanner/scan_metrics.hpp"
#include "policyd/scanner/scanner.hpp"
#include "policyd/scanner/state_file.hpp"

namespace policyd::scanner {

/// policyd-scan from the reading of its state to the exit code: one scan, or one after the other
/// until a signal.
class ScanProgram {
public:
    /// All arguments outlive the program.
    ScanProgram(async::EventLoop& loop, usage::UsageStore& store, const config::Settings& settings,
                const CommandLine& command_line);

    /// Logs what went wrong.
    async::Task<ExitCode> Run();

    /// Ends Run() soon and in order.
    void Stop();
    /// The next scan is now, and reads everything.
    void VerifyNow();
    /// Something may have changed in the mailbox of this address, by what somebody says who need
    /// not be right. False where no such mailbox was ever measured.
    bool MeasureSoon(const std::string& address);

private:
    bool LoadState();
    void SaveIfTime();
    void WriteMetrics();
    void SaveState();
    void SaveNew(const Scanner::Mailboxes& mailboxes);
    async::Task<std::optional<ScanReport>> SweepOnce(Thoroughness thoroughness,
                                                     Scanner::Scope scope = Scanner::Scope::kAll);
    void AskForSweep(LiveScan::Sweep sweep);
    async::Task<ExitCode> RunOnce();
    async::Task<ExitCode> RunUntilStopped();
    const char* Status() const;
    void TellStatus() const;
    using RootLook = std::optional<async::DetachedCall<DirectoryIdentity>>;
    async::Task<std::optional<DirectoryIdentity>> LookAtRoot(RootLook& look);
    bool IsToBeScannedFor(const DirectoryIdentity& root) const;
    async::Task<> WaitUntilWanted(std::chrono::steady_clock::time_point due);
    async::Task<> LookAroundUntilStopped();
    async::Task<> LookAround();

    async::EventLoop& loop_;
    const config::Settings& settings_;
    const CommandLine& command_line_;
    ScannerOptions options_;
    std::unique_ptr<StateLock> lock_;
    std::optional<StateFile> state_file_;
    ScanState state_;
    Scanner scanner_;
    LiveScan live_;
    ProgressLine progress_;
    ScanMetrics metrics_;
    std::chrono::steady_clock::time_point saved_{};
    bool stopped_ = false;
    bool verify_now_ = false;
    bool sweep_now_ = false;
    bool places_changed_ = false;
    bool store_answers_ = true;
    bool has_scanned_ = false;
    RootLook look_before_scan_;
    RootLook look_beside_scans_;
    /// Before the last scan of everything began; nothing after one that could not read it.
    std::optional<DirectoryIdentity> scanned_root_;
    outage::OutageLog files_{std::chrono::milliseconds(0)};  // that cannot be read or written
    async::Timer timer_;
    async::WakeUp wake_up_;
    async::Timer look_around_timer_;
    async::WakeUp look_around_;
    async::Periodic write_metrics_;  // also while an outage of the store is waited out
};

}  // namespace policyd::scanner
