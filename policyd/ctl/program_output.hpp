#pragma once

#include <string>
#include <vector>

namespace policyd::ctl {

/// What a program printed.
struct ProgramOutput {
    std::string output;  ///< on its standard output
    std::string errors;
};

/// Runs a program, which is looked for in PATH, to its end. Throws std::runtime_error where it
/// cannot be started, or fails: with the last line of its errors.
ProgramOutput OutputOf(std::vector<std::string> arguments);

}  // namespace policyd::ctl
