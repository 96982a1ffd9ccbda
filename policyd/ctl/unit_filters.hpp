#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns of servers on other hosts where the units of systemd, as they are in force, let the
/// daemons talk to this host alone: this program may well reach them.
void WarnOfUnitFilters(const config::ConfigFile& file, Report& report);

}  // namespace policyd::ctl
