#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Opens every table that the configuration names, asks each one question, and builds what the
/// service would run with. Every problem is reported with the option's place in the file.
void CheckBackEnds(const config::ConfigFile& file, Report& report);

}  // namespace policyd::ctl
