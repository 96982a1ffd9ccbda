#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Reports what the units of systemd, as they are in force, keep the daemons from that this
/// configuration wants of them: files that they do not see, that they may not write, and sockets
/// that their users may not connect to. This program, which runs in no unit, may well do all that.
void CheckUnitSandbox(const config::ConfigFile& file, Report& report);

}  // namespace policyd::ctl
