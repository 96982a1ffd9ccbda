#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns where a directory that virtual_mailbox_maps have is none by mailbox_layout: no scan would
/// measure it. One of each mysql: and sqlite: table whose query can be made for all keys.
void WarnOfMailboxPaths(const config::ConfigFile& file, Report& report);

}  // namespace policyd::ctl
