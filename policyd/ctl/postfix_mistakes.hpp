#pragma once

#include "common/config/config_file.hpp"
#include "policyd/ctl/postfix_settings.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns of mistakes that are often seen in mail systems of this kind, each with what to do: a
/// transport table that answers with its own key, quotas that nothing enforces, users whom a
/// catch-all robs, and others.
void WarnOfKnownMistakes(const config::ConfigFile& file, const PostfixSettings& postfix,
                         Report& report);

}  // namespace policyd::ctl
