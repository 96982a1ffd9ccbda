#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/recipients/decision_lookups.hpp"
#include "common/recipients/mail_system.hpp"

namespace policyd::recipients {

/// The addresses that an envelope recipient becomes in cleanup(8), internal, each once: rewritten
/// by recipient_canonical_maps and canonical_maps, then expanded by virtual_alias_maps, again and
/// again until nothing is found or an address leads to itself. Nothing where Postfix takes the mail
/// at RCPT and then refuses it for now, for ever ("Alias expansion error"): a loop, one of the
/// virtual_alias_ limits, a value that holds no address. `address` is rewritten and internal and
/// must outlive the returned task. Throws outage::TableUnavailable.
async::Task<std::optional<std::vector<std::string>>> ExpandAliases(const MailSystem& system,
                                                                   DecisionLookups& lookups,
                                                                   std::string_view address);

}  // namespace policyd::recipients
