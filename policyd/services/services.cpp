#include "policyd/services/services.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

#include "common/config/config_error.hpp"
#include "common/config/failure_action.hpp"
#include "common/config/option_checks.hpp"
#include "common/config/options.hpp"
#include "common/config/values.hpp"
#include "common/protocol/policy_action.hpp"
#include "common/recipients/postfix_recipient_resolver.hpp"
#include "common/usage/open_usage_store.hpp"
#include "policyd/checks/client_access_check.hpp"
#include "policyd/checks/mailbox_quota_check.hpp"
#include "policyd/checks/recipient_check.hpp"

namespace policyd::services {

namespace {

using config::Settings;
using std::chrono::milliseconds;

/// How soon a measurement is looked at for whether a mailbox has filled up.
constexpr std::chrono::seconds kLookPeriod{1};

bool Contains(const config::Strings& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

tables::ParentStyle ParentsOf(const Settings& settings) {
    return config::ListsName(settings.parent_domain_matches_subdomains, "smtpd_access_maps")
               ? tables::ParentStyle::kDomain
               : tables::ParentStyle::kDotDomain;
}

/// Without limits where nobody looks at them: a table of them that is broken is no reason to defer
/// mail then.
Settings WithNeededTables(const Settings& settings) {
    Settings needed = settings;
    if (Contains(settings.checks, "mailbox_quota") || !settings.quota_warnings.empty())
        return needed;
    for (auto limits :
         {&Settings::virtual_mailbox_limit_maps, &Settings::virtual_mailbox_message_limit_maps,
          &Settings::virtual_domain_limit_maps, &Settings::virtual_domain_message_limit_maps})
        (needed.*limits).clear();
    return needed;
}

/// What the checks are made of.
struct Parts {
    const Settings& settings;
    tables::TableRegistry& tables;
    tables::TableReader& rows;
    usage::UsageStore& usage;
    recipients::RecipientCache& recipients;
    checks::QuotaWarnings& warnings;
    SharedState& shared;
    recipients::RecipientCache::Clock clock;
};

tables::TableSettings TableSettingsFrom(const Settings& settings) {
    tables::TableSettings tables;
    tables.mysql_connections = settings.mysql_connections;
    tables.mysql_time_limit = settings.mysql_time_limit;
    return tables;
}

/// What there is to say has been said.
tables::TableSettings SilentTableSettingsFrom(const Settings& settings) {
    tables::TableSettings tables = TableSettingsFrom(settings);
    tables.warn = [](const std::string&) {};
    return tables;
}

/// What is remembered of a recipient is made of rows that may be remembered themselves: together
/// they are never older than the options say. There are few such rows, of domains, so that they
/// take the smaller part.
constexpr int kPartOfRows = 4;

tables::RowCacheTimes RowCacheTimesFrom(const Settings& settings) {
    tables::RowCacheTimes times;
    times.found = settings.recipient_cache_time / kPartOfRows;
    times.not_found = settings.unknown_recipient_cache_time / kPartOfRows;
    return times;
}

/// What is answered while tables cannot be asked, by a check with this failure action of its own
/// (empty for none).
config::FailureAction TableFailure(const Settings& settings, const std::string& of_check) {
    return config::ParseFailureAction(of_check.empty() ? settings.table_failure_action : of_check);
}

milliseconds StaleTime(const Settings& settings, const std::string& of_check) {
    return TableFailure(settings, of_check).stale_time.value_or(settings.stale_time);
}

recipients::CacheTimes CacheTimesFrom(const Settings& settings) {
    const tables::RowCacheTimes rows = RowCacheTimesFrom(settings);
    recipients::CacheTimes times;
    times.positive = settings.recipient_cache_time - rows.found;
    times.negative = settings.unknown_recipient_cache_time - rows.not_found;
    times.longest_stale = std::max(StaleTime(settings, settings.recipient_failure_action),
                                   StaleTime(settings, settings.mailbox_quota_failure_action));
    times.most = settings.cache_size;
    return times;
}

config::FailureAction UsageFailure(const Settings& settings) {
    return config::ParseFailureAction(settings.usage_store_failure_action);
}

checks::ClientAccessCheck::Memory ClientMemoryFrom(const Settings& settings) {
    checks::ClientAccessCheck::Memory memory;
    const tables::RowCacheTimes rows = RowCacheTimesFrom(settings);
    // What is said of a client may be for want of rows, of all its tables.
    memory.fresh_time = std::min(settings.recipient_cache_time - rows.found,
                                 settings.unknown_recipient_cache_time - rows.not_found);
    memory.stale_time = StaleTime(settings, settings.client_access_failure_action);
    memory.most_clients = settings.cache_size;
    return memory;
}

checks::FullTargetRefuses FullTargetRefusesFrom(std::string_view word) {
    if (word == "any") return checks::FullTargetRefuses::kAny;
    if (word == "never") return checks::FullTargetRefuses::kNever;
    return checks::FullTargetRefuses::kAll;
}

checks::FullAtEndOfMessage FullAtEndOfMessageFrom(std::string_view word) {
    if (word == "defer") return checks::FullAtEndOfMessage::kDefer;
    if (word == "reject") return checks::FullAtEndOfMessage::kReject;
    return checks::FullAtEndOfMessage::kAccept;
}

checks::StaleUsage StaleUsageFrom(std::string_view word) {
    if (word == "ignore") return checks::StaleUsage::kIgnore;
    if (word == "defer") return checks::StaleUsage::kDefer;
    return checks::StaleUsage::kTrust;
}

/// Makes a list of an option's value; what it refuses is a mistake in that option.
template <typename List>
List ListFrom(std::string_view option, const config::Strings& patterns) {
    try {
        return List(patterns);
    } catch (const std::invalid_argument& expected) {
        throw config::ConfigError(std::string(option) + ": expected " + expected.what());
    }
}

checks::QuotaRules QuotaRulesFrom(const Settings& settings) {
    checks::QuotaRules rules;
    rules.mailbox_full_action = settings.mailbox_full_action;
    rules.mailbox_full_defer_action = settings.mailbox_full_defer_action;
    rules.room.full_target_refuses = FullTargetRefusesFrom(settings.full_target_refuses);
    rules.room.grace_percent = settings.quota_grace_percent;
    rules.room.grace_bytes = settings.quota_grace;
    rules.room.copy_time = settings.usage_cache_time;
    rules.room.stale_time = UsageFailure(settings).stale_time.value_or(milliseconds(0));
    rules.room.most_copies = settings.cache_size;
    rules.full_at_end_of_message = FullAtEndOfMessageFrom(settings.full_at_end_of_message);
    rules.room.stale_usage = StaleUsageFrom(settings.stale_usage);
    rules.room.usage_max_age = settings.usage_max_age;
    rules.recipient_stale_time = StaleTime(settings, settings.mailbox_quota_failure_action);
    rules.room.is_dry_run = Contains(settings.dry_run, "mailbox_quota");
    rules.room.soft_time = settings.mailbox_full_soft_time;
    rules.reservations = settings.quota_reservations;
    rules.size.undeclared_size = config::ParseUndeclaredSize(settings.undeclared_size);
    rules.size.delivery_overhead = config::ParseDeliveryOverhead(settings.delivery_overhead);
    rules.size.delivery.myhostname = settings.myhostname;
    rules.size.delivery.delimiters = settings.recipient_delimiter;
    rules.size.delivery.adds_lmtp = settings.virtual_transport.starts_with("lmtp");
    rules.exempt.recipients =
        ListFrom<checks::AddressList>("quota_exempt_recipients", settings.quota_exempt_recipients);
    rules.exempt.rewriting = recipients::RewritingRulesFrom(settings);
    rules.exempt.extensions = recipients::ExtensionRulesFrom(settings);
    rules.exempt.senders =
        ListFrom<checks::AddressList>("quota_exempt_senders", settings.quota_exempt_senders);
    rules.exempt.clients =
        ListFrom<checks::ClientList>("quota_exempt_clients", settings.quota_exempt_clients);
    return rules;
}

/// None where there are no limits to warn of: other servers that share the usage store may have
/// some, and look at what has changed.
checks::WarningRules WarningRulesFrom(const Settings& settings) {
    checks::WarningRules rules;
    if (settings.virtual_mailbox_limit_maps.empty() &&
        settings.virtual_mailbox_message_limit_maps.empty())
        return rules;
    for (const std::string& percent : settings.quota_warnings)
        rules.percents.push_back(std::stoull(percent));
    std::sort(rules.percents.begin(), rules.percents.end());
    rules.hysteresis = settings.quota_warning_hysteresis;
    return rules;
}

void Tell(const checks::Warning& warning, CommandRunner& commands) {
    commands.Run({warning.mailbox, std::to_string(warning.percent), std::to_string(warning.usage),
                  std::to_string(warning.limit), warning.is_over ? "over" : "below", warning.unit});
}

/// Every kind of check, by its name in the option `checks`.
const struct {
    std::string_view name;
    std::unique_ptr<checks::PolicyCheck> (*make)(const Parts&);
    std::string Settings::*failure_action;  // while tables cannot be asked
} kChecks[] = {
    {"client_access",
     [](const Parts& parts) -> std::unique_ptr<checks::PolicyCheck> {
         return std::make_unique<checks::ClientAccessCheck>(
             parts.tables.OpenChain("client_access_maps", parts.settings.client_access_maps),
             parts.settings.client_access_default, ParentsOf(parts.settings), parts.rows,
             ClientMemoryFrom(parts.settings), parts.clock);
     },
     &Settings::client_access_failure_action},
    {"recipient",
     [](const Parts& parts) -> std::unique_ptr<checks::PolicyCheck> {
         const Settings& settings = parts.settings;
         return std::make_unique<checks::RecipientCheck>(
             parts.recipients, settings.unknown_recipient_action,
             StaleTime(settings, settings.recipient_failure_action));
     },
     &Settings::recipient_failure_action},
    {"mailbox_quota",
     [](const Parts& parts) -> std::unique_ptr<checks::PolicyCheck> {
         const checks::MailboxQuotaCheck::Parts needed{parts.recipients, parts.usage,
                                                       parts.warnings, parts.shared.messages,
                                                       parts.shared.owed};
         return std::make_unique<checks::MailboxQuotaCheck>(needed, QuotaRulesFrom(parts.settings),
                                                            parts.clock, &text::SystemWallTime);
     },
     &Settings::mailbox_quota_failure_action},
};

checks::CheckPipeline::Step MakeStep(const std::string& name, const Parts& parts) {
    const Settings& settings = parts.settings;
    for (const auto& kind : kChecks) {
        if (kind.name != name) continue;
        checks::CheckPipeline::Step step;
        step.check = kind.make(parts);
        step.on_failure.table = TableFailure(settings, settings.*kind.failure_action).action;
        step.on_failure.usage_store = UsageFailure(settings).action;
        step.dry_run = Contains(settings.dry_run, name);
        return step;
    }
    throw config::ConfigError("checks: there is no check \"" + name + '"');
}

}  // namespace

Services::Services(async::EventLoop& loop, const Settings& settings, SharedState& shared)
    : Services(loop, settings, shared, TableSettingsFrom(settings),
               std::make_shared<tables::TableContents>(), nullptr) {}

Services::Services(async::EventLoop& loop, const Settings& settings, SharedState& shared,
                   std::shared_ptr<tables::TableContents> contents, const Services* predecessor)
    : Services(loop, settings, shared, SilentTableSettingsFrom(settings), std::move(contents),
               predecessor) {}

Services::Services(async::EventLoop& loop, const Settings& settings, SharedState& shared,
                   tables::TableSettings table_settings,
                   std::shared_ptr<tables::TableContents> contents, const Services* predecessor)
    : loop_(loop), shared_(shared), contents_(std::move(contents)) {
    const auto clock = [&loop] { return loop.Now(); };
    tables_ = std::make_unique<tables::TableRegistry>(loop, std::move(table_settings), contents_);
    rows_ = std::make_unique<tables::RowCache>(RowCacheTimesFrom(settings), clock);
    if (predecessor != nullptr) {
        usage_store_ = predecessor->usage_store_;
    } else {
        usage_store_ = usage::OpenUsageStore(loop, settings, shared.recent);
    }
    resolver_ = std::make_unique<recipients::PostfixRecipientResolver>(
        recipients::OpenMailSystem(WithNeededTables(settings), *tables_), *rows_);
    recipients_ = recipients::MakeRecipientCache(*resolver_, CacheTimesFrom(settings), clock);
    const auto tell = [&commands = shared.commands](const checks::Warning& warning) {
        Tell(warning, commands);
    };
    warnings_ = std::make_unique<checks::QuotaWarnings>(*usage_store_, *resolver_, shared.changed,
                                                        WarningRulesFrom(settings), tell);
    const Parts parts{settings,     *tables_,   *rows_, *usage_store_,
                      *recipients_, *warnings_, shared, clock};
    std::vector<checks::CheckPipeline::Step> steps;
    for (const std::string& name : settings.checks) steps.push_back(MakeStep(name, parts));
    std::vector<checks::CheckPipeline::Step> retired;
    may_hold_room_ = Contains(settings.checks, "mailbox_quota") ||
                     (predecessor != nullptr && predecessor->may_hold_room_);
    if (may_hold_room_ && !Contains(settings.checks, "mailbox_quota")) {
        // Of new messages nobody will be told: it holds nothing but what it held before.
        Settings holding_nothing_new = settings;
        holding_nothing_new.quota_reservations = false;
        retired.push_back(
            MakeStep("mailbox_quota", {holding_nothing_new, *tables_, *rows_, *usage_store_,
                                       *recipients_, *warnings_, shared, clock}));
    }
    checks_ = std::make_unique<checks::CheckPipeline>(std::move(steps), clock, std::move(retired));
}

Services::~Services() = default;

std::shared_ptr<const void> Services::TakeRemains() {
    using Remains =
        std::tuple<std::unique_ptr<checks::CheckPipeline>, std::unique_ptr<tables::RowCache>,
                   std::unique_ptr<recipients::RecipientCache>,
                   std::shared_ptr<tables::TableContents>>;
    return std::make_shared<const Remains>(std::move(checks_), std::move(rows_),
                                           std::move(recipients_), std::move(contents_));
}

std::shared_ptr<tables::TableContents> ReadTables(const Settings& settings,
                                                  tables::TableContents* predecessor) {
    auto contents = std::make_shared<tables::TableContents>();
    if (predecessor != nullptr) contents->Inherit(predecessor->AllCompiled());
    async::EventLoop loop;
    tables::TableRegistry tables(loop, TableSettingsFrom(settings), contents);
    recipients::OpenMailSystem(settings, tables);
    tables.OpenChain("client_access_maps", settings.client_access_maps);
    return contents;
}

void UseInShared(const Settings& settings, SharedState& shared) {
    shared.commands.Use({settings.quota_warning_command, settings.quota_warning_command_time_limit,
                         settings.quota_warning_command_pause});
}

bool AskAlike(const Settings& one, const Settings& other) {
    const auto is_asked = [](const config::Option& option) {
        return option.section == config::Section::kMailSystem ||
               option.section == config::Section::kMailStore ||
               option.name == "client_access_maps" || option.name == "client_access_default" ||
               option.name == "refuse_alias_to_nobody" || option.name == "usage_source";
    };
    const Settings asked = WithNeededTables(one);
    const Settings also_asked = WithNeededTables(other);
    const auto options = config::Options();
    return std::all_of(options.begin(), options.end(), [&](const config::Option& option) {
        return !is_asked(option) || config::Show(asked, option) == config::Show(also_asked, option);
    });
}

void Services::TakeOver(Services& predecessor, bool asks_alike) {
    checks_->TakeOver(*predecessor.checks_, asks_alike);
    if (asks_alike) recipients_->TakeOver(*predecessor.recipients_);
}

void Services::FlushCaches() {
    rows_->Clear();
    recipients_->Clear();
    checks_->ForgetAnswers();
}

void Services::GiveUp() noexcept {
    LeaveOff();
    has_given_up_ = true;
}

bool Services::Owes() const {
    const std::size_t changed = shared_.changed.Size() + shared_.changed.SizeAside();
    return shared_.owed.Size() > 0 || (has_given_up_ && changed > 0);
}

async::Task<void> Services::Tend() {
    if (shared_.owed.Size() > 0) {
        const checks::OwedChanges::Clock clock = [this] { return loop_.Now(); };
        co_await shared_.owed.Pay(*usage_store_, clock);
    }
    if (has_given_up_) co_return co_await warnings_->GiveBack();
    if (loop_.Now() < next_look_) co_return;
    next_look_ = loop_.Now() + kLookPeriod;
    co_await warnings_->LookAtChanged();
}

}  // namespace policyd::services
