#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/config/settings.hpp"
#include "common/mail/address.hpp"
#include "common/mail/address_rewriting.hpp"
#include "common/mail/mailbox_layout.hpp"
#include "common/tables/table_registry.hpp"

namespace policyd::recipients {

/// What the served Postfix's main.cf says of recipients, ready to be asked: the tables opened, the
/// lists read. Members are named after the parameters. Belongs to one loop thread, as the tables
/// do; the registry outlives it.
struct MailSystem {
    mail::RewritingRules rewriting;
    std::string myhostname;
    mail::ExtensionRules extensions;
    std::set<std::string> own_addresses;  ///< inet_interfaces, as inet_ntop(3) writes them

    tables::DomainList mydestination;
    tables::DomainList virtual_alias_domains;
    tables::DomainList virtual_mailbox_domains;
    tables::DomainList relay_domains;

    tables::TableChain local_recipient_maps;
    tables::TableChain relay_recipient_maps;
    tables::TableChain recipient_canonical_maps;
    tables::TableChain canonical_maps;
    tables::TableChain relocated_maps;
    tables::TableChain virtual_alias_maps;
    tables::TableChain virtual_mailbox_maps;
    /// The same as virtual(8) opens them: a key in a text file that is not in lower case lets a
    /// recipient exist, but no mail arrives.
    tables::TableChain virtual_mailbox_maps_as_written;
    /// Those of the tables that are not for any key,
    tables::TableChain virtual_mailbox_limit_maps;
    tables::TableChain virtual_mailbox_message_limit_maps;
    /// and those that are: the defaults.
    tables::TableChain virtual_mailbox_limit_defaults;
    tables::TableChain virtual_mailbox_message_limit_defaults;
    tables::TableChain virtual_domain_limit_maps;
    tables::TableChain virtual_domain_message_limit_maps;
    tables::TableChain transport_maps;

    std::string local_transport;
    std::string virtual_transport;
    std::string relay_transport;
    std::string default_transport;
    std::vector<std::string> mailbox_transports;
    bool transport_of_domain_includes_subdomains = false;

    /// Of envelope recipients.
    bool rewrites_by_canonical_maps = true;
    bool rewrites_by_recipient_canonical_maps = true;
    bool propagate_extension_of_canonical = true;
    bool propagate_extension_of_virtual = true;
    std::uint64_t virtual_alias_expansion_limit = 1000;
    std::uint64_t virtual_alias_recursion_limit = 1000;
    std::uint64_t virtual_alias_address_length_limit = 1000;

    mail::MailboxLayout mailbox_layout{"%d/%u"};
    bool usage_is_scanned = true;  ///< by mailbox_layout, and by nothing else
    bool refuse_alias_to_nobody = false;
};

/// How Postfix completes addresses.
mail::RewritingRules RewritingRulesFrom(const config::Settings& settings);

/// What it takes for an address extension.
mail::ExtensionRules ExtensionRulesFrom(const config::Settings& settings);

/// Whether the results of this parameter's tables may have parts of a key in them.
tables::Substitution SubstitutionIn(std::string_view parameter);

/// `settings` have been expanded (config::Expanded). Throws config::ConfigError for a table that
/// cannot be opened and std::invalid_argument for a layout that is none.
MailSystem OpenMailSystem(const config::Settings& settings, tables::TableRegistry& tables);

}  // namespace policyd::recipients
