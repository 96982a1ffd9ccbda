#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/postfix_settings.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns of the smtpd services of master.cf that ask policyd, but do not get through to it, do not
/// wait for its answer, go by a bad one while it is away, let in what it refuses, can be shut by a
/// client that it refuses, or open more connections than it takes.
void WarnOfServiceReach(const config::ConfigFile& file, const PostfixSettings& postfix,
                        Report& report);

}  // namespace policyd::ctl
