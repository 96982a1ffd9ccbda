#pragma once

#include <string>
#include <vector>

#include "common/async/task.hpp"
#include "common/redis/client.hpp"

namespace policyd::usage {

/// Tries every command that a RedisUsageStore calls, one by one, and changes nothing.
extern const char* const kRightsScript;

/// The commands of kRightsScript that Redis does not let us call. Nothing is found out where the
/// server cannot be reached, or is older than 7, which knows no scripts that may not write. Throws
/// outage::UsageStoreUnavailable where it denies us the script itself.
async::Task<std::vector<std::string>> DeniedCommands(redis::Client& server);

}  // namespace policyd::usage
