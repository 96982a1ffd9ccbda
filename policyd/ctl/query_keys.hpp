#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns of queries whose placeholders do not go with the keys that they get: those that no domain
/// can be put into, and those that have the same answer for all keys. Neither fails; they find
/// nobody, or everybody.
void WarnOfQueryKeys(const config::ConfigFile& file, Report& report);

}  // namespace policyd::ctl
