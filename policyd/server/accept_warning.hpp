#pragma once

#include <string>

namespace policyd::server {

/// Tells in the log that who connects to a listening socket has to wait, and why: once in ten
/// minutes, for all of them together, since what the process lacks all of them lack. Any thread.
void WarnThatNobodyIsAccepted(const std::string& socket, const std::string& why);

}  // namespace policyd::server
