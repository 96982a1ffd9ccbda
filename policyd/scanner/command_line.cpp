#include "policyd/scanner/command_line.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>

#include "common/async/process.hpp"
#include "common/config/config_file.hpp"
#include "common/log/logging.hpp"

namespace policyd::scanner {

bool HasPrintedReport() {
    if (async::HasPrintedAll()) return true;
    log::SayOnStderr("policyd-scan: standard output: write error\n");
    return false;
}

std::optional<CommandLine> ParseCommandLine(int argc, char** argv, int& exit_code) {
    CommandLine line;
    line.config = config::kDefaultPath;
    CLI::App app("Measures the Maildirs of a mail store and keeps the usage store up to date.");
    app.set_version_flag("--version", std::string("policyd-scan ") + POLICYD_VERSION);
    app.add_option("--config", line.config, "Configuration file")->capture_default_str();
    app.add_flag("--once", line.once, "Scan once and end, instead of scanning again and again");
    app.add_flag("--verify", line.verify,
                 "Scan once, reading everything, and report which figures were wrong");
    app.add_flag("--rebuild", line.rebuild,
                 "Begin by forgetting what former scans have remembered");
    app.add_flag("--accept-removals", line.accept_removals,
                 "Remove the entries of all mailboxes that are gone, however many");
    app.add_flag("--quiet", line.quiet, "Print no progress, and no report on standard output");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& end) {
        std::ostringstream mistake;
        exit_code = app.exit(end, std::cout, mistake) == 0 ? kDone : kWrongUsage;
        log::SayOnStderr(mistake.str());
        if (exit_code == kDone && !HasPrintedReport()) exit_code = kFailed;
        return std::nullopt;
    }
    if (line.verify) line.once = true;
    return line;
}

}  // namespace policyd::scanner
