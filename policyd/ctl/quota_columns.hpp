#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns of mysql: tables with limits whose column is too small for limits in bytes (int(10), as
/// old guides have it, ends at 2 GiB - 1, and the server stores that in place of a larger number),
/// or that select other columns as well, and of mysql: and sqlite: tables that give what is no
/// limit, such as -1, for any row, or that the server cannot compute. Looks at the rows of queries
/// of one value; a server that does not answer is reported by CheckBackEnds().
void WarnOfQuotaColumns(const config::ConfigFile& file, Report& report);

}  // namespace policyd::ctl
