#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "common/async/event_loop.hpp"
#include "common/async/periodic.hpp"
#include "common/config/settings.hpp"
#include "policyd/scanner/command_line.hpp"
#include "policyd/scanner/progress_line.hpp"
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

private:
    bool LoadState();
    void SaveState();
    async::Task<std::optional<ScanReport>> SweepOnce(Thoroughness thoroughness);
    async::Task<ExitCode> RunOnce();
    async::Task<ExitCode> RunUntilStopped();
    async::Task<> WaitForNextSweep(std::chrono::steady_clock::time_point start);
    void WakeUpLater(std::chrono::milliseconds time);

    async::EventLoop& loop_;
    const config::Settings& settings_;
    const CommandLine& command_line_;
    ScannerOptions options_;
    std::unique_ptr<StateLock> lock_;
    std::optional<StateFile> state_file_;
    ScanState state_;
    Scanner scanner_;
    ProgressLine progress_;
    std::chrono::steady_clock::time_point saved_{};
    bool stopped_ = false;
    bool verify_now_ = false;
    async::UvHandle<uv_timer_t> timer_;
    WakeUp wake_up_;
};

}  // namespace policyd::scanner
