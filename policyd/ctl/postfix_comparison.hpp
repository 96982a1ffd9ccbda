#pragma once

#include <string>

#include "common/config/config_file.hpp"
#include "common/config/options.hpp"
#include "policyd/ctl/postfix_settings.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns of every option that has the name of a Postfix parameter and another value, with the line
/// that would make them agree. Options whose difference is documented (inet_interfaces, and who
/// exists in local domains when that is left to Postfix) are passed over.
void CompareWithPostfix(const config::ConfigFile& file, const PostfixSettings& postfix,
                        Report& report);

/// Whether a value of Postfix's means something else than ours (`$name` expanded in both), or
/// cannot be had here.
bool DiffersFromPostfix(const config::Settings& ours, const config::Option& option,
                        const std::string& theirs);

}  // namespace policyd::ctl
