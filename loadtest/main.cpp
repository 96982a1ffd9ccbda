#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "common/async/process.hpp"
#include "loadtest/load_run.hpp"
#include "loadtest/options.hpp"
#include "loadtest/plot.hpp"
#include "loadtest/report.hpp"
#include "loadtest/server_connection.hpp"

namespace {

using policyd::loadtest::LoadRun;
using policyd::loadtest::Options;
using policyd::loadtest::Result;

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
void AllowManyDescriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/// The first SIGINT or SIGTERM ends the run, with its report; the second ends the program.
class StopOnSignal {
public:
    StopOnSignal(LoadRun& run, int signal)
        : run_(run),
          watch_(policyd::async::MakeHandle<uv_signal_t>("uv_signal_init", this, uv_signal_init,
                                                         run.Loop().Raw())) {
        const auto on_signal = [](uv_signal_t* watch, int) {
            auto& self = *static_cast<StopOnSignal*>(watch->data);
            uv_signal_stop(watch);
            self.run_.Stop();
        };
        policyd::async::ThrowIfFailed(uv_signal_start(watch_.get(), on_signal, signal),
                                      "uv_signal_start");
        uv_unref(reinterpret_cast<uv_handle_t*>(watch_.get()));
    }

private:
    LoadRun& run_;
    policyd::async::UvHandle<uv_signal_t> watch_;
};

void ShowProgress(const policyd::loadtest::Tally& tally) {
    const char* line_end = isatty(STDERR_FILENO) ? "\033[K\r" : "\n";
    std::fprintf(stderr, "%s%s", policyd::loadtest::ProgressLine(tally).c_str(), line_end);
}

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
    const StopOnSignal interrupt(run, SIGINT);
    const StopOnSignal terminate(run, SIGTERM);
    if (!options.quiet && (options.progress || isatty(STDERR_FILENO)))
        run.OnInterval(&ShowProgress);
    return Report(options, run.Run());
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
    AllowManyDescriptors();
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
