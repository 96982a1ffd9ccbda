#pragma once

#include <string>
#include <vector>

namespace policyd::ctl {

/// What a program prints on its standard output; its errors go to ours. It is looked for in PATH.
/// Throws std::runtime_error where it cannot be started or fails.
std::string ProgramOutput(std::vector<std::string> arguments);

}  // namespace policyd::ctl
