#pragma once

#include "policyd/ctl/commands.hpp"

namespace policyd::ctl {

/// `check-config [--config FILE] [--postfix DIR]`
Run DefineCheckConfig(CLI::App& command, Terminal& terminal);

}  // namespace policyd::ctl
