#pragma once

#include <string>

#include "common/config/settings.hpp"
#include "common/recipients/recipient_cache.hpp"
#include "common/tables/row_cache.hpp"
#include "common/tables/table_registry.hpp"
#include "common/usage/usage_store.hpp"
#include "policyd/checks/check_pipeline.hpp"
#include "policyd/checks/quota_warnings.hpp"
#include "policyd/services/shared_state.hpp"

namespace policyd::services {

/// What the checks are made of; all of it outlives them.
struct CheckParts {
    const config::Settings& settings;
    tables::TableRegistry& tables;
    tables::TableReader& rows;
    usage::UsageStore& usage;
    recipients::RecipientCache& recipients;
    checks::QuotaWarnings& warnings;
    SharedState& shared;
    recipients::RecipientCache::Clock clock;
};

/// The check of this name in the option `checks`, and what is done when it cannot decide. Throws
/// config::ConfigError where there is none, or the settings name for it what cannot be used.
checks::CheckPipeline::Step MakeCheckStep(const std::string& name, const CheckParts& parts);

}  // namespace policyd::services
