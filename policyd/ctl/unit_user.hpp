#pragma once

#include <string>

#include "policyd/ctl/systemd_unit.hpp"

namespace policyd::ctl {

/// Connects to a UNIX socket with the rights of the unit's user and groups. The errno of it; 0
/// where it works, and where it cannot be tried: only root can.
int ConnectAsUserOf(const SystemdUnit& unit, const std::string& socket);

}  // namespace policyd::ctl
