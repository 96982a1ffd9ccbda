#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>

#include "common/async/destroy_elsewhere.hpp"
#include "common/async/process.hpp"
#include "common/config/config_error.hpp"
#include "common/config/config_file.hpp"
#include "common/log/logging.hpp"
#include "policyd/server/daemon.hpp"

/// Read by jemalloc(3) where the program is linked with it. What is remembered of mailboxes is
/// asked for all over the heap: in big pages that misses the processor's page tables less often.
extern "C" {
const char* malloc_conf = "thp:always,metadata_thp:auto";
}

namespace {

/// Exit statuses, as sysexits.h has them.
constexpr int kExitUsage = 64;
constexpr int kExitConfig = 78;
constexpr int kExitCannotStart = 71;

void TellWhatEndsIt(const std::string& what) {
    policyd::log::SayOnStderr("policyd: " + what + '\n');
}

int Serve(const std::string& config) {
    try {
        policyd::server::Daemon(config).Run();
        return 0;
    } catch (const policyd::config::ConfigError& error) {
        TellWhatEndsIt(policyd::config::Located(error, config).what());
        return kExitConfig;
    } catch (const std::exception& error) {
        TellWhatEndsIt(error.what());
        return kExitCannotStart;
    }
}

}  // namespace

int main(int argc, char** argv) {
    policyd::async::BeginProcess();
    policyd::async::IgnoreSignals({SIGHUP, SIGUSR1});
    CLI::App app("policyd, the access and quota policy service for Postfix", "policyd");
    std::string config = policyd::config::kDefaultPath;
    app.add_option("-c,--config", config, "The configuration file")->capture_default_str();
    app.set_version_flag("--version", "policyd " POLICYD_VERSION);
    app.footer(
        "Exit status: 0 after SIGTERM, 64 wrong arguments, 71 cannot start, 78 mistake in the "
        "configuration.");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) {
        std::ostringstream mistake;
        const bool is_answer = app.exit(end, std::cout, mistake) == 0;
        policyd::log::SayOnStderr(mistake.str());
        if (!is_answer) return kExitUsage;
        if (policyd::async::HasPrintedAll()) return 0;
        TellWhatEndsIt("standard output: write error");
        return kExitCannotStart;
    }

    const int status = Serve(config);
    const bool is_all_over = policyd::async::FinishDestroying();
    policyd::log::Shutdown();
    // What is destroyed at the exit of a process may be in use by a thread that was left behind.
    if (!is_all_over) _exit(status);
    return status;
}
