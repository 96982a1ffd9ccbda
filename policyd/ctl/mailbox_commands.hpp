#pragma once

#include "policyd/ctl/commands.hpp"

namespace policyd::ctl {

/// `resolve ADDRESS`
Run DefineResolve(CLI::App& command, Terminal& terminal);

/// `usage MAILBOX…`, `usage --all`
Run DefineUsage(CLI::App& command, Terminal& terminal);

}  // namespace policyd::ctl
