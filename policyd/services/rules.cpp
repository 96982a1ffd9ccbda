#include "policyd/services/rules.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "common/config/config_error.hpp"
#include "common/config/option_checks.hpp"
#include "common/config/values.hpp"
#include "common/recipients/mail_system.hpp"

namespace policyd::services {

namespace {

using config::Settings;
using std::chrono::milliseconds;

/// What is remembered of a recipient is made of rows that may be remembered themselves: together
/// they are never older than the options say. There are few such rows, of domains, so that they
/// take the smaller part.
constexpr int kPartOfRows = 4;

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

}  // namespace

config::FailureAction TableFailure(const Settings& settings, const std::string& of_check) {
    return config::ParseFailureAction(of_check.empty() ? settings.table_failure_action : of_check);
}

config::FailureAction UsageFailure(const Settings& settings) {
    return config::ParseFailureAction(settings.usage_store_failure_action);
}

milliseconds StaleTime(const Settings& settings, const std::string& of_check) {
    return TableFailure(settings, of_check).stale_time.value_or(settings.stale_time);
}

tables::RowCacheTimes RowCacheTimesFrom(const Settings& settings) {
    tables::RowCacheTimes times;
    times.found = settings.recipient_cache_time / kPartOfRows;
    times.not_found = settings.unknown_recipient_cache_time / kPartOfRows;
    return times;
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

checks::ClientAccessCheck::Rules ClientRulesFrom(const Settings& settings) {
    checks::ClientAccessCheck::Rules rules;
    rules.default_action = settings.client_access_default;
    if (!config::ListsName(settings.parent_domain_matches_subdomains, "smtpd_access_maps"))
        rules.parents = tables::ParentStyle::kDotDomain;
    rules.permits_authenticated = settings.client_access_permit_sasl_authenticated;
    return rules;
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
    rules.room.is_dry_run = config::Contains(settings.dry_run, "mailbox_quota");
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

}  // namespace policyd::services
