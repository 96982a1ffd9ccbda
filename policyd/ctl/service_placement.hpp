#pragma once

#include "common/config/settings.hpp"
#include "policyd/ctl/postfix_settings.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns where Postfix's lists of restrictions, in main.cf and in each service of master.cf that
/// takes mail, do not ask the policy service, ask it too early, too late, more than once or after
/// others, or have other parameters than policyd goes by.
void WarnOfServicePlacement(const config::Settings& settings, const PostfixSettings& postfix,
                            Report& report);

}  // namespace policyd::ctl
