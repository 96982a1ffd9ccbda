#include <malloc.h>
#include <signal.h>

#include <cstdio>
#include <exception>

#include "common/async/event_loop.hpp"
#include "common/config/config_file.hpp"
#include "common/log/logging.hpp"
#include "common/usage/open_usage_store.hpp"
#include "policyd/scanner/command_line.hpp"
#include "policyd/scanner/priority.hpp"
#include "policyd/scanner/scan_program.hpp"

namespace policyd::scanner {

namespace {

using SignalHandle = async::UvHandle<uv_signal_t>;

/// Until the handle is destroyed, `signal` means `handle(program)`.
SignalHandle OnSignal(async::EventLoop& loop, ScanProgram& program, int signal,
                      uv_signal_cb handle) {
    auto watched =
        async::MakeHandle<uv_signal_t>("uv_signal_init", &program, uv_signal_init, loop.Raw());
    async::ThrowIfFailed(uv_signal_start(watched.get(), handle, signal), "uv_signal_start");
    uv_unref(reinterpret_cast<uv_handle_t*>(watched.get()));
    return watched;
}

ScanProgram& ProgramOf(uv_signal_t* signal) {
    return *static_cast<ScanProgram*>(signal->data);
}

ExitCode Scan(const config::Settings& settings, const CommandLine& command_line) {
    async::EventLoop loop;
    const auto store = usage::OpenUsageStore(loop, settings);
    ScanProgram program(loop, *store, settings, command_line);
    const auto stop = [](uv_signal_t* signal, int) { ProgramOf(signal).Stop(); };
    const SignalHandle terminated = OnSignal(loop, program, SIGTERM, stop);
    const SignalHandle interrupted = OnSignal(loop, program, SIGINT, stop);
    const SignalHandle hung_up =
        OnSignal(loop, program, SIGHUP, [](uv_signal_t*, int) { log::Reopen(); });
    const SignalHandle verify = OnSignal(
        loop, program, SIGUSR1, [](uv_signal_t* signal, int) { ProgramOf(signal).VerifyNow(); });
    return loop.RunUntilDone(program.Run());
}

int Main(int argc, char** argv) {
    int exit_code = kDone;
    const auto command_line = ParseCommandLine(argc, argv, exit_code);
    if (!command_line) return exit_code;
    config::Settings settings;
    try {
        settings = config::LoadConfigFile(command_line->config);
        mail::MailboxLayout{settings.mailbox_layout};
        log::Configure("policyd-scan", {settings.log_destination, settings.log_level});
    } catch (const std::exception& mistake) {
        std::fprintf(stderr, "policyd-scan: %s\n", mistake.what());
        return kWrongUsage;
    }
    // Measuring threads that allocate little need no heaps of their own.
    mallopt(M_ARENA_MAX, 2);
    signal(SIGPIPE, SIG_IGN);
    LowerPriority(static_cast<int>(settings.scan_nice), settings.scan_io_priority);
    try {
        exit_code = Scan(settings, *command_line);
    } catch (const std::exception& failure) {
        log::Error("policyd-scan: {}", failure.what());
        exit_code = kFailed;
    }
    log::Shutdown();
    return exit_code;
}

}  // namespace

}  // namespace policyd::scanner

int main(int argc, char** argv) {
    return policyd::scanner::Main(argc, argv);
}
