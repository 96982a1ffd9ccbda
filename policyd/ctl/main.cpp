#include <unistd.h>

#include <iostream>
#include <sstream>

#include "common/async/destroy_elsewhere.hpp"
#include "common/async/process.hpp"
#include "common/log/logging.hpp"
#include "policyd/ctl/commands.hpp"
#include "policyd/ctl/exit_status.hpp"

int main(int argc, char** argv) {
    policyd::async::BeginProcess();
    policyd::log::Configure("policyctl",
                            {.destination = "stderr", .level = "warning", .most_waiting = 256});
    std::ostringstream failures;  // as of a reload by systemd
    std::ostream& err = policyd::log::StderrIsTheJournal() ? failures : std::cerr;
    policyd::ctl::Terminal terminal{std::cin, std::cout, err};
    int status =
        policyd::ctl::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc), terminal);
    // Half an answer must not pass for one, as on a full disk.
    if (!policyd::async::HasPrintedAll()) {
        err << "policyctl: standard output: write error\n";
        status = policyd::ctl::kInternalError;
    }
    policyd::log::SayOnStderr(failures.str());
    const bool is_all_over = policyd::async::FinishDestroying();
    policyd::log::Shutdown();
    // What is destroyed at the exit of a process may be in use by a thread that was left behind.
    if (!is_all_over) _exit(status);
    return status;
}
