#pragma once

#include "common/config/settings.hpp"
#include "policyd/ctl/postfix_settings.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns of parameters of Postfix that policyd does not follow, where they have other values than
/// those that it goes by, in main.cf or in a cleanup service: docs/recipients.md, "What is not
/// followed". `settings` are expanded.
void WarnOfUnfollowedParameters(const config::Settings& settings, const PostfixSettings& postfix,
                                Report& report);

}  // namespace policyd::ctl
