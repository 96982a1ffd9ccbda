#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Reports what the units of systemd, as they are in force, and the users that the daemons run as
/// keep them from that this configuration wants of them: files that they do not see or may not
/// read, that they may not write, and sockets that they may not make or connect to. This program,
/// which runs in no unit, and as root, may well do all that.
void CheckDaemonAccess(const config::ConfigFile& file, Report& report);

}  // namespace policyd::ctl
