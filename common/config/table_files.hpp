#pragma once

#include <string>
#include <vector>

#include "common/config/settings.hpp"

namespace policyd::config {

/// One message for each file that a list of tables names (`type:/path`) and that cannot be read,
/// with the file beside it that was probably meant. Throws std::system_error where the process has
/// too little of something to look.
std::vector<std::string> ProblemsOfTableFiles(const Strings& lists);

}  // namespace policyd::config
