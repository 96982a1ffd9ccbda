#pragma once

#include "common/config/settings.hpp"
#include "policyd/ctl/postfix_settings.hpp"
#include "policyd/ctl/report.hpp"

namespace policyd::ctl {

/// Warns where mail that a content_filter or a smtpd_proxy_filter gives back to Postfix is
/// filtered, counted or has its aliases expanded once more.
void WarnOfFilteredMail(const config::Settings& settings, const PostfixSettings& postfix,
                        Report& report);

}  // namespace policyd::ctl
