#pragma once

#include "policyd/ctl/commands.hpp"

namespace policyd::ctl {

/// `lookup TABLE KEY`
Run DefineLookup(CLI::App& command, Terminal& terminal);

}  // namespace policyd::ctl
