#pragma once

#include <optional>
#include <string>

namespace policyd::scanner {

/// Exit codes of policyd-scan.
enum ExitCode : int {
    kDone = 0,
    kFailed = 1,      ///< a store could not be used, or the report not be printed
    kWrongUsage = 2,  ///< of the command line, or a mistake in the configuration
    kIncomplete = 3,  ///< done, but for places that could not be read or removals withheld
    kDrift = 4,       ///< a verification found figures that were wrong
    kStopped = 5,     ///< by a signal, before a single scan was done
};

struct CommandLine {
    std::string config;
    bool once = false;
    bool verify = false;   ///< one scan that reads everything
    bool rebuild = false;  ///< forget what was remembered
    bool accept_removals = false;
    bool quiet = false;  ///< no progress, no report
};

/// As async::HasPrintedAll(), and says so on standard error if not.
bool HasPrintedReport();

/// Nothing if the program is to end with `exit_code`: after --help, --version or a mistake, of
/// which standard output or standard error tell.
std::optional<CommandLine> ParseCommandLine(int argc, char** argv, int& exit_code);

}  // namespace policyd::scanner
