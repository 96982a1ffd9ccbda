#include "policyd/services/check_list.hpp"

#include <memory>
#include <string_view>

#include "common/config/config_error.hpp"
#include "common/config/values.hpp"
#include "policyd/checks/client_access_check.hpp"
#include "policyd/checks/mailbox_quota_check.hpp"
#include "policyd/checks/recipient_check.hpp"
#include "policyd/services/rules.hpp"

namespace policyd::services {

namespace {

using config::Settings;

/// Every kind of check, by its name in the option `checks`.
const struct {
    std::string_view name;
    std::unique_ptr<checks::PolicyCheck> (*make)(const CheckParts&);
    std::string Settings::*failure_action;  // while tables cannot be asked
} kChecks[] = {
    {"client_access",
     [](const CheckParts& parts) -> std::unique_ptr<checks::PolicyCheck> {
         return std::make_unique<checks::ClientAccessCheck>(
             parts.tables.OpenChain("client_access_maps", parts.settings.client_access_maps),
             ClientRulesFrom(parts.settings), parts.rows, ClientMemoryFrom(parts.settings),
             parts.clock);
     },
     &Settings::client_access_failure_action},
    {"recipient",
     [](const CheckParts& parts) -> std::unique_ptr<checks::PolicyCheck> {
         const Settings& settings = parts.settings;
         return std::make_unique<checks::RecipientCheck>(
             parts.recipients, settings.unknown_recipient_action,
             StaleTime(settings, settings.recipient_failure_action));
     },
     &Settings::recipient_failure_action},
    {"mailbox_quota",
     [](const CheckParts& parts) -> std::unique_ptr<checks::PolicyCheck> {
         const checks::MailboxQuotaCheck::Parts needed{parts.recipients,  parts.usage,
                                                       parts.warnings,    parts.shared.messages,
                                                       parts.shared.owed, parts.shared.average};
         return std::make_unique<checks::MailboxQuotaCheck>(needed, QuotaRulesFrom(parts.settings),
                                                            parts.clock, &text::SystemWallTime);
     },
     &Settings::mailbox_quota_failure_action},
};

}  // namespace

checks::CheckPipeline::Step MakeCheckStep(const std::string& name, const CheckParts& parts) {
    const Settings& settings = parts.settings;
    for (const auto& kind : kChecks) {
        if (kind.name != name) continue;
        checks::CheckPipeline::Step step;
        step.check = kind.make(parts);
        step.on_failure.table = TableFailure(settings, settings.*kind.failure_action).action;
        step.on_failure.usage_store = UsageFailure(settings).action;
        step.dry_run = config::Contains(settings.dry_run, name);
        return step;
    }
    throw config::ConfigError("checks: there is no check \"" + name + '"');
}

}  // namespace policyd::services
