#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/recipients/decision_lookups.hpp"
#include "common/recipients/mail_system.hpp"

namespace policyd::recipients {

/// Whether Postfix itself takes mail for a domain: it is in mydestination, or a literal with one of
/// the addresses of inet_interfaces. `domain` must outlive the returned task. Throws
/// outage::TableUnavailable, as all of these do.
async::Task<bool> IsLocalDomain(const MailSystem& system, DecisionLookups& lookups,
                                std::string_view domain);

/// In which forms an address is a key.
enum class KeyForms {
    kExternal,              ///< quoted where it must be: aliases
    kExternalThenInternal,  ///< then also unquoted: everything else
};

struct AddressMatch {
    std::string value;
    std::string key;        ///< that was found, in internal form
    std::string extension;  ///< that had to be left off the address, with its delimiter
};

/// Searches tables for an internal address as mail_addr_find(3) does: user+ext@domain, user@domain;
/// if the domain is local, user+ext and user; @domain. Each key is tried in all the tables before
/// the next. `tables` and `address` must outlive the returned task.
async::Task<std::optional<AddressMatch>> FindAddress(const MailSystem& system,
                                                     DecisionLookups& lookups,
                                                     const tables::TableChain& tables,
                                                     std::string_view address, KeyForms forms);

/// Searches transport_maps as transport(5) says: user+ext@domain, user@domain, the domain, its
/// parents as .parent (or parent, by parent_domain_matches_subdomains), `*`.
async::Task<std::optional<std::string>> FindTransport(const MailSystem& system,
                                                      DecisionLookups& lookups,
                                                      std::string_view address);

}  // namespace policyd::recipients
