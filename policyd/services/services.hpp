#pragma once

#include <memory>

#include "common/async/event_loop.hpp"
#include "common/config/settings.hpp"
#include "common/recipients/recipient_cache.hpp"
#include "common/recipients/recipient_resolver.hpp"
#include "common/tables/row_cache.hpp"
#include "common/tables/table_registry.hpp"
#include "common/usage/usage_store.hpp"
#include "policyd/checks/check_pipeline.hpp"
#include "policyd/checks/message_tracker.hpp"

namespace policyd::services {

/// Everything that decides, built from the settings: the one place that names the kinds of tables,
/// stores and checks. Owned by one loop thread; a reload builds new services and lets the old ones
/// end with the last request that uses them.
class Services {
public:
    /// `messages` is shared by the whole process and outlives this, as does `loop`. Throws
    /// config::ConfigError where the settings name something that cannot be used; a back end that
    /// is merely down is no error.
    Services(async::EventLoop& loop, const config::Settings& settings,
             checks::MessageTracker& messages);
    ~Services();
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;

    const checks::CheckPipeline& Checks() const { return *checks_; }
    recipients::RecipientResolver& Resolver() { return *resolver_; }
    recipients::RecipientCache& Recipients() { return *recipients_; }

    usage::UsageStore& UsageStore() { return *usage_store_; }
    tables::TableRegistry& Tables() { return *tables_; }

    /// Forgets what is remembered of tables.
    void FlushCaches();

private:
    // Destroyed in reverse: the checks go before what they use.
    std::unique_ptr<tables::TableRegistry> tables_;
    std::unique_ptr<tables::RowCache> rows_;
    std::unique_ptr<usage::UsageStore> usage_store_;
    std::unique_ptr<recipients::RecipientResolver> resolver_;
    std::unique_ptr<recipients::RecipientCache> recipients_;
    std::unique_ptr<checks::CheckPipeline> checks_;
};

}  // namespace policyd::services
