#pragma once

#include "policyd/ctl/commands.hpp"

namespace policyd::ctl {

/// `ask --recipient … --server ENDPOINT`
Run DefineAsk(CLI::App& command, Terminal& terminal);

}  // namespace policyd::ctl
