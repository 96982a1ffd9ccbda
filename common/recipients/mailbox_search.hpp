#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/log/warning_budget.hpp"
#include "common/recipients/address_resolution.hpp"
#include "common/recipients/decision_lookups.hpp"
#include "common/recipients/mail_system.hpp"
#include "common/recipients/mailbox.hpp"

namespace policyd::recipients {

/// Whether mailbox_transports has a transport with its next hop: by its name, or by that and how
/// the next hop begins.
bool ListsTransport(const std::vector<std::string>& mailbox_transports, std::string_view transport,
                    std::string_view next_hop);

/// Whether a transport delivers into the mail store whose usage is measured: virtual_transport
/// does, and what mailbox_transports lists.
bool DeliversIntoMailStore(const MailSystem& system, const ResolvedAddress& resolved);

/// The mailbox of a final recipient whose transport delivers into the mail store, as virtual(8)
/// finds it in virtual_mailbox_maps, with its quota from virtual_mailbox_limit_maps. Nothing where
/// it has none: not found, or a path that leads outside virtual_mailbox_base. Throws
/// outage::TableUnavailable as well for a limit that is no number. That, and paths that no scan
/// measures, is told of as `warnings` lets. Arguments outlive the returned task.
async::Task<std::optional<Mailbox>> FindMailbox(const MailSystem& system, DecisionLookups& lookups,
                                                const ResolvedAddress& resolved,
                                                log::WarningBudget& warnings);

/// Fills in the limits of a mailbox that has a name, as they are for this recipient, case-folded,
/// or, where the tables have none for him, for the mailbox's name. Arguments outlive the returned
/// task; throws as FindMailbox() does.
async::Task<> FindLimits(const MailSystem& system, DecisionLookups& lookups,
                         std::string_view recipient, Mailbox& mailbox,
                         log::WarningBudget& warnings);

}  // namespace policyd::recipients
