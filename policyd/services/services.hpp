#pragma once

#include <cstdint>
#include <memory>

#include "common/async/event_loop.hpp"
#include "common/config/settings.hpp"
#include "common/recipients/postfix_recipient_resolver.hpp"
#include "common/recipients/recipient_cache.hpp"
#include "common/tables/row_cache.hpp"
#include "common/tables/table_registry.hpp"
#include "common/usage/usage_store.hpp"
#include "policyd/checks/check_pipeline.hpp"
#include "policyd/checks/quota_warnings.hpp"
#include "policyd/services/shared_state.hpp"

namespace policyd::services {

/// Everything that decides, built from the settings. Owned by one loop thread; a reload builds new
/// services and lets the old ones end with the last request that uses them.
class Services {
public:
    /// `shared` and `loop` outlive this. Throws config::ConfigError where the settings name
    /// something that cannot be used; a back end that is merely down is no error.
    Services(async::EventLoop& loop, const config::Settings& settings, SharedState& shared);
    /// The same with what ReadTables() read and warned of. `predecessor`, where there is one, are
    /// the services of the same loop that these take the place of: their usage store is taken over,
    /// with its connection.
    Services(async::EventLoop& loop, const config::Settings& settings, SharedState& shared,
             std::shared_ptr<tables::TableContents> contents,
             const Services* predecessor = nullptr);
    ~Services();
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;

    const checks::CheckPipeline& Checks() const { return *checks_; }
    recipients::PostfixRecipientResolver& Resolver() { return *resolver_; }
    recipients::RecipientCache& Recipients() { return *recipients_; }

    usage::UsageStore& UsageStore() { return *usage_store_; }

    /// Takes what the predecessor remembers, once these services are the ones in use: it serves
    /// where a back end cannot be asked. What it remembers of tables only where `asks_alike`.
    void TakeOver(Services& predecessor, bool asks_alike);

    /// Forgets what is remembered of tables.
    void FlushCaches();

    /// What takes long to destroy, which any thread may do once these services are gone: what they
    /// remember and what they share.
    std::shared_ptr<const void> TakeRemains();

    /// Does what is to be done without anybody asking, such as telling the usage store what it
    /// missed. To be called every now and then, once at a time; throws nothing of back ends.
    async::Task<void> Tend();
    /// Others take the place of these services: they begin nothing any more by themselves.
    void LeaveOff() noexcept { warnings_->End(); }
    /// Nobody does: Tend() gives back what others are to do, until then (EventLoop::Now()).
    void GiveUp(std::chrono::milliseconds until) noexcept;
    /// Whether the usage store is still to be told something.
    bool Owes() const;

private:
    Services(async::EventLoop& loop, const config::Settings& settings, SharedState& shared,
             tables::TableSettings table_settings, std::shared_ptr<tables::TableContents> contents,
             const Services* predecessor);

    async::Task<void> TakeBackWarnings();

    // Destroyed in reverse: the checks go before what they use.
    async::EventLoop& loop_;
    SharedState& shared_;
    std::shared_ptr<tables::TableContents> contents_;
    std::unique_ptr<tables::TableRegistry> tables_;
    std::unique_ptr<tables::RowCache> rows_;
    std::shared_ptr<usage::UsageStore> usage_store_;
    std::unique_ptr<recipients::PostfixRecipientResolver> resolver_;
    std::unique_ptr<recipients::RecipientCache> recipients_;
    std::unique_ptr<checks::QuotaWarnings> warnings_;
    std::chrono::milliseconds next_look_{0};
    bool has_given_up_ = false;
    std::chrono::milliseconds ends_at_{0};
    bool may_hold_room_ = false;  // for messages that are under way
    std::unique_ptr<checks::CheckPipeline> checks_;
};

/// Has what is shared go by these settings from now on: those of services that are in use.
void UseInShared(const config::Settings& settings, SharedState& shared);

/// Whether services ask the same of the same tables by either settings, for as long as no file of
/// these tables changes.
bool AskAlike(const config::Settings& one, const config::Settings& other);

/// Reads the files of all tables that the settings name, so that no loop thread has to. Throws as
/// Services does.
std::shared_ptr<tables::TableContents> ReadTables(const config::Settings& settings,
                                                  tables::TableContents* predecessor = nullptr);

/// Settings, and what ReadTables() has read by them.
struct TablesOfSettings {
    const config::Settings& settings;
    std::shared_ptr<tables::TableContents> contents;
};

/// What is wrong with tables that the checks ask, so that their servers refuse to answer, where
/// they are others than `before`: see tables::TableRegistry::Refusals(). Takes some seconds where
/// servers hang, on the calling thread.
std::vector<std::string> RefusalsOfServers(const TablesOfSettings& wanted,
                                           const TablesOfSettings& before);

/// The most descriptors that the tables take which the services of one loop ask. Throws as Services
/// does.
std::uint64_t DescriptorsOfTables(const TablesOfSettings& asked);

}  // namespace policyd::services
