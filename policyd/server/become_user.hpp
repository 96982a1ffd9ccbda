#pragma once

#include <string>

namespace policyd::server {

/// Gives up root, for good and on every thread: the process goes on as this user, with the user's
/// groups and without capabilities, and with the log file if it has just made that. Throws
/// config::ConfigError for an unknown user,
/// std::system_error where it is not permitted.
void BecomeUser(const std::string& name);

/// Throws what BecomeUser() throws for an unknown user.
void RequireUser(const std::string& name);

}  // namespace policyd::server
