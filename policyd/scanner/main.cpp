#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "common/async/beside.hpp"
#include "common/async/blocking_threads.hpp"
#include "common/async/destroy_elsewhere.hpp"
#include "common/async/event_loop.hpp"
#include "common/async/process.hpp"
#include "common/async/signal_watch.hpp"
#include "common/config/config_error.hpp"
#include "common/config/config_file.hpp"
#include "common/config/options.hpp"
#include "common/log/logging.hpp"
#include "common/usage/open_usage_store.hpp"
#include "policyd/scanner/command_line.hpp"
#include "policyd/scanner/dovecot_source.hpp"
#include "policyd/scanner/priority.hpp"
#include "policyd/scanner/scan_program.hpp"

namespace policyd::scanner {

namespace {

/// Making room for more takes a twentieth of the time of a scan that finds nothing new.
constexpr std::size_t kMostWaitingLines = 1024;

/// Where the figures come from: one of these, or both.
struct Sources {
    std::optional<ScanProgram> maildirs;
    std::optional<DovecotSource> dovecot;

    void Stop() {
        if (maildirs) maildirs->Stop();
        if (dovecot) dovecot->Stop();
    }
};

async::Task<> FollowDovecot(DovecotSource& dovecot) {
    co_await dovecot.Run(false);
}

async::Task<ExitCode> ReadSources(Sources& sources, bool once) {
    if (!sources.maildirs) co_return co_await sources.dovecot->Run(once);
    if (!sources.dovecot || once) co_return co_await sources.maildirs->Run();
    async::Beside dovecot(FollowDovecot(*sources.dovecot));
    const ExitCode exit_code = co_await sources.maildirs->Run();
    sources.dovecot->Stop();
    co_await dovecot.End();
    co_return exit_code;
}

bool IsOfScanner(const config::Option& option) {
    return config::Concerns(config::Program::kScanner, option);
}

/// The log may have been rotated. Of the configuration nothing is taken over, and what has changed
/// is told.
void OnHangUp(const std::string& path, const config::Settings& in_force) {
    log::Reopen();
    try {
        const config::Settings wanted = config::LoadConfigFile(path);
        const std::string left = config::Changed(in_force, wanted, &IsOfScanner);
        if (!left.empty())
            log::Warning("reload: these take effect on a restart of policyd-scan only: {}", left);
    } catch (const std::exception& mistake) {
        log::Error("reload: what runs stays as it is: {}", mistake.what());
    }
}

ExitCode Scan(const config::Settings& settings, const CommandLine& command_line) {
    async::EventLoop loop;
    async::StartBlockingThreads(loop);
    const auto store = usage::OpenUsageStore(loop, settings);
    Sources sources;
    if (settings.usage_source != "dovecot")
        sources.maildirs.emplace(loop, *store, settings, command_line);
    DovecotSource::MeasureSoon measure_soon;
    if (sources.maildirs)
        measure_soon = [&maildirs = *sources.maildirs](const std::string& address) {
            return maildirs.MeasureSoon(address);
        };
    if (settings.usage_source != "scan")
        sources.dovecot.emplace(loop, *store, settings, std::move(measure_soon),
                                command_line.accept_removals);
    async::SignalWatch terminated(loop, SIGTERM, [&sources] { sources.Stop(); });
    async::SignalWatch interrupted(loop, SIGINT, [&sources] { sources.Stop(); });
    async::SignalWatch hung_up(
        loop, SIGHUP, [&settings, &command_line] { OnHangUp(command_line.config, settings); });
    async::SignalWatch verify(loop, SIGUSR1, [&sources] {
        if (sources.maildirs) sources.maildirs->VerifyNow();
    });
    for (async::SignalWatch* watch : {&terminated, &interrupted, &hung_up, &verify})
        watch->LetLoopEnd();
    const ExitCode exit_code = loop.RunUntilDone(ReadSources(sources, command_line.once));
    async::LeaveSignalsToOtherThreads();  // until the handles are gone and Main() ignores them
    return exit_code;
}

int Main(int argc, char** argv) {
    int exit_code = kDone;
    const auto command_line = ParseCommandLine(argc, argv, exit_code);
    if (!command_line) return exit_code;
    config::Settings settings;
    try {
        settings = config::LoadConfigFile(command_line->config);
        mail::MailboxLayout{settings.mailbox_layout};
        if (settings.usage_source == "dovecot" && (command_line->verify || command_line->rebuild))
            throw config::ConfigError(
                "usage_source = \"dovecot\": there are no Maildirs for --verify and --rebuild");
        const bool somebody_waits = command_line->once || isatty(STDERR_FILENO) != 0;
        log::Configure("policyd-scan", {settings.log_destination, settings.log_level,
                                        kMostWaitingLines, somebody_waits});
    } catch (const std::exception& mistake) {
        log::SayOnStderr(std::string("policyd-scan: ") + mistake.what() + '\n');
        return kWrongUsage;
    }
    // Measuring threads that allocate little need no heaps of their own.
    mallopt(M_ARENA_MAX, 2);
    LowerPriority(static_cast<int>(settings.scan_nice), settings.scan_io_priority);
    try {
        exit_code = Scan(settings, *command_line);
    } catch (const config::ConfigError& mistake) {
        log::Error("policyd-scan: {}", config::Located(mistake, command_line->config).what());
        exit_code = kWrongUsage;
    } catch (const std::exception& failure) {
        log::Error("policyd-scan: {}", failure.what());
        exit_code = kFailed;
    }
    // What comes from now on is too late, and not for the default action either.
    async::IgnoreSignals({SIGHUP, SIGUSR1, SIGTERM, SIGINT});
    const bool is_all_over = async::FinishDestroying();
    log::Shutdown();
    if (command_line->once && !HasPrintedReport()) exit_code = kFailed;
    // What is destroyed at the exit of a process may be in use by a thread that was left behind.
    if (!is_all_over) _exit(exit_code);
    return exit_code;
}

}  // namespace

}  // namespace policyd::scanner

int main(int argc, char** argv) {
    policyd::async::BeginProcess();
    policyd::async::IgnoreSignals({SIGHUP, SIGUSR1});
    return policyd::scanner::Main(argc, argv);
}
