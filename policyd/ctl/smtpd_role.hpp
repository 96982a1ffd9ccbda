#pragma once

#include <string>
#include <string_view>

#include "policyd/ctl/postfix_settings.hpp"

namespace policyd::ctl {

/// For whom an smtpd of master.cf is, which is named as there: "smtp/inet", "192.0.2.1:25/inet".

/// Services by which other systems send mail: also smtpd behind postscreen(8).
bool IsForMailServers(std::string_view service);

/// Services by which users do. Others send to port 25, whoever logs in there besides.
bool IsForSubmission(const std::string& service, const PostfixSettings& postfix);

/// Users log in to it by what master.cf says of it, whatever main.cf does.
bool HasUsersLogIn(const std::string& service, const PostfixSettings& postfix);

bool IsOnLoopback(std::string_view service);

}  // namespace policyd::ctl
