#pragma once

#include <chrono>
#include <string_view>

#include "common/async/task.hpp"
#include "common/recipients/recipient_cache.hpp"
#include "policyd/checks/policy_check.hpp"

namespace policyd::checks {

/// Resolves a recipient of the request that `findings` are about: asks its tables, but where one
/// has failed that request already, takes what has been stale for less than `stale_time` instead.
/// Throws as RecipientCache::Get(); arguments outlive the task.
async::Task<recipients::RecipientCache::Given> Resolve(recipients::RecipientCache& recipients,
                                                       std::string_view recipient,
                                                       std::chrono::milliseconds stale_time,
                                                       Findings& findings);

}  // namespace policyd::checks
