#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "common/async/process.hpp"
#include "common/log/logging.hpp"
#include "loadtest/load_run.hpp"
#include "loadtest/options.hpp"
#include "loadtest/plot.hpp"
#include "loadtest/report.hpp"
#include "loadtest/server_connection.hpp"

namespace {

using policyd::loadtest::LoadRun;
using policyd::loadtest::Options;
using policyd::loadtest::Result;
using policyd::loadtest::Tally;

/// Exit statuses, where there is one as sysexits.h has it.
constexpr int kExitWrong = 1;
constexpr int kExitUsage = 64;
constexpr int kExitNoInput = 66;
constexpr int kExitUnavailable = 69;
constexpr int kExitCannotCreate = 73;

/// Of a report, or of what goes to standard output.
class CannotWrite : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// Every connection takes a descriptor, and the usual limit is a thousand.
void AllowDescriptorsFor(std::uint64_t connections) {
    constexpr std::uint64_t kOthers = 40;  // the loop's own, timers and the files of /proc
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < connections + kOthers)
        throw std::runtime_error("too few descriptors for " + std::to_string(connections) +
                                 " connections: the limit (ulimit -n) is " +
                                 std::to_string(limit.rlim_max));
}

/// The first SIGINT or SIGTERM ends the run, with its report; the second, of either kind, ends the
/// program.
class StopOnSignal {
public:
    explicit StopOnSignal(LoadRun& run) : run_(run), watches_{Watch(SIGINT), Watch(SIGTERM)} {}
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;

private:
    using Handle = policyd::async::UvHandle<uv_signal_t>;

    Handle Watch(int signal) {
        Handle watch = policyd::async::MakeHandle<uv_signal_t>("uv_signal_init", this,
                                                               uv_signal_init, run_.Loop().Raw());
        const auto on_signal = [](uv_signal_t* caught, int) {
            auto& self = *static_cast<StopOnSignal*>(caught->data);
            for (const Handle& each : self.watches_) uv_signal_stop(each.get());
            self.run_.Stop();
        };
        policyd::async::ThrowIfFailed(uv_signal_start(watch.get(), on_signal, signal),
                                      "uv_signal_start");
        uv_unref(reinterpret_cast<uv_handle_t*>(watch.get()));
        return watch;
    }

    LoadRun& run_;
    const std::array<Handle, 2> watches_;
};

/// The line about the last interval; on a terminal each takes the place of the one before.
class Progress {
public:
    void Show(const Tally& tally) {
        const std::string line = policyd::loadtest::ProgressLine(tally);
        std::fprintf(stderr, "%s%s", line.c_str(), is_terminal_ ? "\033[K\r" : "\n");
    }

    /// What is printed next would leave the end of the last line behind it.
    void Clear() {
        if (is_terminal_) std::fputs("\033[K", stderr);
    }

private:
    const bool is_terminal_ = isatty(STDERR_FILENO) != 0;
};

void WriteFile(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) throw CannotWrite("cannot write " + path);
}

void FinishOutput() {
    if (!policyd::async::HasPrintedAll()) throw CannotWrite("cannot write to standard output");
}

void PrintRecipients(const policyd::loadtest::Population& people) {
    for (std::uint64_t place = 0; place < people.Recipients().Size(); ++place)
        std::puts(people.Recipients().Name(place).c_str());
    FinishOutput();
}

int Report(const Options& options, const Result& result) {
    try {
        if (!options.quiet) std::fputs(Summary(options, result).c_str(), stdout);
        FinishOutput();
        if (!options.json.empty()) WriteFile(options.json, JsonReport(options, result));
        if (!options.plot.empty()) Plot(options.plot, options, result);
    } catch (const std::exception& error) {
        throw CannotWrite(error.what());
    }
    return AllRight(result) ? 0 : kExitWrong;
}

int Run(const Options& options) {
    LoadRun run(options);
    if (options.print_recipients) {
        PrintRecipients(run.People());
        return 0;
    }
    AllowDescriptorsFor(options.connections);
    const StopOnSignal stop(run);
    Progress progress;
    const bool shows_progress = !options.quiet && (options.progress || isatty(STDERR_FILENO));
    if (shows_progress) run.OnInterval([&progress](const Tally& tally) { progress.Show(tally); });
    const Result& result = run.Run();
    if (shows_progress) progress.Clear();
    return Report(options, result);
}

/// Says in a line what kept a run from its report.
int RunOrSayWhyNot(const Options& options) {
    try {
        return Run(options);
    } catch (const policyd::loadtest::NoAnswer& error) {
        std::fprintf(stderr, "policyd-load: %s\n", error.what());
        return kExitUnavailable;
    } catch (const CannotWrite& error) {
        std::fprintf(stderr, "policyd-load: %s\n", error.what());
        return kExitCannotCreate;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "policyd-load: %s\n", error.what());
        return kExitNoInput;
    }
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Load on a policy service, as Postfix would cause it, with every reply checked.",
                 "policyd-load");
    Options options;
    policyd::loadtest::Declare(app, options);
    app.set_version_flag("--version", "policyd-load " POLICYD_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (app.exit(error) != 0) return kExitUsage;
        if (policyd::async::HasPrintedAll()) return 0;
        std::fputs("policyd-load: cannot write to standard output\n", stderr);
        return kExitCannotCreate;
    }

    policyd::async::BeginProcess();
    // Of the clients of data bases; standard output is for what was asked for.
    policyd::log::Configure("policyd-load", {.destination = "stderr", .level = "warning"});
    const int status = RunOrSayWhyNot(options);
    policyd::log::Shutdown();
    return status;
}
