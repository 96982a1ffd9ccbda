#pragma once

#include "policyd/ctl/commands.hpp"

namespace policyd::ctl {

Run DefineReload(CLI::App& command, Terminal& terminal);
Run DefineFlush(CLI::App& command, Terminal& terminal);

}  // namespace policyd::ctl
