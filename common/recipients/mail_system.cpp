#include "common/recipients/mail_system.hpp"

#include <algorithm>

#include "common/config/values.hpp"
#include "common/mail/address_literal.hpp"

namespace policyd::recipients {

namespace {

bool Lists(const config::Strings& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

/// What has a limit for any mailbox is asked about those for whom nothing else has one: otherwise
/// an address with an extension would have the default instead of its mailbox's.
void SetDefaultsApart(tables::TableChain& limits, tables::TableChain& defaults) {
    std::vector<tables::LookupTable*> keyed = limits.Tables();
    const auto others = std::stable_partition(
        keyed.begin(), keyed.end(),
        [](const tables::LookupTable* table) { return !table->IsForAnyKey(); });
    defaults = tables::TableChain(limits.Parameter(), {others, keyed.end()});
    keyed.erase(others, keyed.end());
    limits = tables::TableChain(limits.Parameter(), std::move(keyed));
}

void OpenTables(MailSystem& system, const config::Settings& settings,
                tables::TableRegistry& tables) {
    struct Parameter {
        const char* name;
        tables::TableChain MailSystem::*chain;
        config::Strings config::Settings::*list;
    };
    using S = config::Settings;
    using M = MailSystem;
    const Parameter kParameters[] = {
        {"local_recipient_maps", &M::local_recipient_maps, &S::local_recipient_maps},
        {"relay_recipient_maps", &M::relay_recipient_maps, &S::relay_recipient_maps},
        {"recipient_canonical_maps", &M::recipient_canonical_maps, &S::recipient_canonical_maps},
        {"canonical_maps", &M::canonical_maps, &S::canonical_maps},
        {"relocated_maps", &M::relocated_maps, &S::relocated_maps},
        {"virtual_alias_maps", &M::virtual_alias_maps, &S::virtual_alias_maps},
        {"virtual_mailbox_maps", &M::virtual_mailbox_maps, &S::virtual_mailbox_maps},
        {"virtual_mailbox_limit_maps", &M::virtual_mailbox_limit_maps,
         &S::virtual_mailbox_limit_maps},
        {"virtual_mailbox_message_limit_maps", &M::virtual_mailbox_message_limit_maps,
         &S::virtual_mailbox_message_limit_maps},
        {"virtual_domain_limit_maps", &M::virtual_domain_limit_maps, &S::virtual_domain_limit_maps},
        {"virtual_domain_message_limit_maps", &M::virtual_domain_message_limit_maps,
         &S::virtual_domain_message_limit_maps},
        {"transport_maps", &M::transport_maps, &S::transport_maps},
    };
    system.virtual_mailbox_maps_as_written =
        tables.OpenChainForVirtual("virtual_mailbox_maps", settings.virtual_mailbox_maps);
    for (const Parameter& parameter : kParameters) {
        system.*parameter.chain = tables.OpenChain(parameter.name, settings.*parameter.list,
                                                   SubstitutionIn(parameter.name));
    }
    SetDefaultsApart(system.virtual_mailbox_limit_maps, system.virtual_mailbox_limit_defaults);
    SetDefaultsApart(system.virtual_mailbox_message_limit_maps,
                     system.virtual_mailbox_message_limit_defaults);
}

void OpenDomainLists(MailSystem& system, const config::Settings& settings,
                     tables::TableRegistry& tables) {
    using Matching = tables::DomainList::Matching;
    system.mydestination =
        tables.OpenDomainList("mydestination", settings.mydestination, Matching::kExact);
    system.virtual_alias_domains = tables.OpenDomainList(
        "virtual_alias_domains", settings.virtual_alias_domains, Matching::kExact);
    system.virtual_mailbox_domains = tables.OpenDomainList(
        "virtual_mailbox_domains", settings.virtual_mailbox_domains, Matching::kExact);
    const bool parent_matches =
        config::ListsName(settings.parent_domain_matches_subdomains, "relay_domains");
    system.relay_domains =
        tables.OpenDomainList("relay_domains", settings.relay_domains,
                              parent_matches ? Matching::kSubdomains : Matching::kDotSubdomains);
}

}  // namespace

mail::RewritingRules RewritingRulesFrom(const config::Settings& settings) {
    return {settings.myorigin,           settings.mydomain,           settings.swap_bangpath,
            settings.allow_percent_hack, settings.append_at_myorigin, settings.append_dot_mydomain};
}

mail::ExtensionRules ExtensionRulesFrom(const config::Settings& settings) {
    return {settings.recipient_delimiter, settings.owner_request_special,
            settings.double_bounce_sender};
}

tables::Substitution SubstitutionIn(std::string_view parameter) {
    return parameter == "transport_maps" ? tables::Substitution::kForbiddenInTransports
                                         : tables::Substitution::kAllowed;
}

MailSystem OpenMailSystem(const config::Settings& settings, tables::TableRegistry& tables) {
    MailSystem system;
    system.rewriting = RewritingRulesFrom(settings);
    system.myhostname = settings.myhostname;
    system.extensions = ExtensionRulesFrom(settings);
    for (const std::string& address : settings.inet_interfaces)
        system.own_addresses.insert(mail::NormalizedIpAddress(mail::WithoutBrackets(address)));
    OpenDomainLists(system, settings, tables);
    OpenTables(system, settings, tables);

    system.local_transport = settings.local_transport;
    system.virtual_transport = settings.virtual_transport;
    system.relay_transport = settings.relay_transport;
    system.default_transport = settings.default_transport;
    system.mailbox_transports = settings.mailbox_transports;
    system.transport_of_domain_includes_subdomains =
        config::ListsName(settings.parent_domain_matches_subdomains, "transport_maps");

    system.rewrites_by_canonical_maps = Lists(settings.canonical_classes, "envelope_recipient");
    system.rewrites_by_recipient_canonical_maps =
        Lists(settings.recipient_canonical_classes, "envelope_recipient");
    system.propagate_extension_of_canonical =
        Lists(settings.propagate_unmatched_extensions, "canonical");
    system.propagate_extension_of_virtual =
        Lists(settings.propagate_unmatched_extensions, "virtual");
    system.virtual_alias_expansion_limit = settings.virtual_alias_expansion_limit;
    system.virtual_alias_recursion_limit = settings.virtual_alias_recursion_limit;
    system.virtual_alias_address_length_limit = settings.virtual_alias_address_length_limit;
    system.mailbox_layout = mail::MailboxLayout(settings.mailbox_layout);
    system.usage_is_scanned = settings.usage_source == "scan";
    system.refuse_alias_to_nobody = settings.refuse_alias_to_nobody;
    return system;
}

}  // namespace policyd::recipients
