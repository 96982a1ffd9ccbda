#include <iostream>

#include "common/async/destroy_elsewhere.hpp"
#include "common/async/process.hpp"
#include "common/log/logging.hpp"
#include "policyd/ctl/commands.hpp"

int main(int argc, char** argv) {
    policyd::async::BeginProcess();
    policyd::log::Configure("policyctl",
                            {.destination = "stderr", .level = "warning", .most_waiting = 256});
    policyd::ctl::Terminal terminal{std::cin, std::cout, std::cerr};
    const int status =
        policyd::ctl::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc), terminal);
    policyd::async::FinishDestroying();
    policyd::log::Shutdown();
    return status;
}
