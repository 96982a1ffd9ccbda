#pragma once

#include "policyd/ctl/commands.hpp"

namespace policyd::ctl {

/// `config show|sample|reference|man|metrics`
Run DefineConfig(CLI::App& command, Terminal& terminal);

}  // namespace policyd::ctl
