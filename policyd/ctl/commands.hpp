#pragma once

#include <functional>
#include <istream>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace policyd::ctl {

/// Where a command reads and writes.
struct Terminal {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
};

/// Carries out a command whose command line was accepted; returns the exit status.
using Run = std::function<int()>;

/// One command of policyctl.
struct Command {
    std::string_view name;
    std::string_view summary;      ///< one line of the overview
    std::string_view description;  ///< what its own --help says
    /// Declares the command's options and arguments; `terminal` outlives what is returned.
    Run (*define)(CLI::App& command, Terminal& terminal);
};

/// All of them, in the order of the overview.
std::span<const Command> Commands();

/// Parses the command line (without the program's name) and runs its command. Everything that a
/// command throws becomes a line on `terminal.err` and an exit status.
int RunCommandLine(const std::vector<std::string>& arguments, Terminal& terminal);

}  // namespace policyd::ctl
