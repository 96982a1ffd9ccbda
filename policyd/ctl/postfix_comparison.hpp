#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/postfix_settings.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns of every option that has the name of a Postfix parameter and another value, with the line
/// that would make them agree. Options whose difference is documented (inet_interfaces, and who
/// exists in local domains when that is left to Postfix) are passed over.
void CompareWithPostfix(const config::ConfigFile& file, const PostfixSettings& postfix,
                        Report& report);

}  // namespace policyd::ctl
