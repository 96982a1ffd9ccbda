#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Reports what a program would miss on this machine when it starts with the configuration: users,
/// groups, directories; and options that do not go together. Only what all programs need is an
/// error: they may run on different machines.
void CheckSurroundings(const config::ConfigFile& file, Report& report);

}  // namespace policyd::ctl
