#pragma once

#include <chrono>
#include <string>

#include "common/config/failure_action.hpp"
#include "common/config/settings.hpp"
#include "common/recipients/recipient_cache.hpp"
#include "common/tables/row_cache.hpp"
#include "policyd/checks/client_access_check.hpp"
#include "policyd/checks/mailbox_quota_check.hpp"
#include "policyd/checks/quota_warnings.hpp"

namespace policyd::services {

// What the settings say to each part. Values that each option takes have been looked at before.

/// What is answered while tables cannot be asked, by a check with this failure action of its own
/// (empty for none).
config::FailureAction TableFailure(const config::Settings& settings, const std::string& of_check);
/// The same while the usage store cannot be asked.
config::FailureAction UsageFailure(const config::Settings& settings);
/// For how long such a check goes by what it remembers while tables cannot be asked.
std::chrono::milliseconds StaleTime(const config::Settings& settings, const std::string& of_check);

/// Rows and what is made of them are together never older than the options say.
tables::RowCacheTimes RowCacheTimesFrom(const config::Settings& settings);
recipients::CacheTimes CacheTimesFrom(const config::Settings& settings);

checks::ClientAccessCheck::Rules ClientRulesFrom(const config::Settings& settings);
checks::ClientAccessCheck::Memory ClientMemoryFrom(const config::Settings& settings);

/// Throws config::ConfigError for a list of who is exempt that cannot be read.
checks::QuotaRules QuotaRulesFrom(const config::Settings& settings);

/// None where there are no limits to warn of: other servers that share the usage store may have
/// some, and look at what has changed.
checks::WarningRules WarningRulesFrom(const config::Settings& settings);

}  // namespace policyd::services
