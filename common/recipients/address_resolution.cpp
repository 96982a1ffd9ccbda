#include "common/recipients/address_resolution.hpp"

#include <algorithm>
#include <iterator>
#include <optional>

#include "common/mail/address.hpp"
#include "common/mail/address_literal.hpp"
#include "common/mail/address_tokens.hpp"
#include "common/mail/domain_name.hpp"
#include "common/recipients/address_search.hpp"
#include "common/text/utf8.hpp"

namespace policyd::recipients {

namespace {

using mail::AddressToken;
using mail::AddressTokens;

bool Holds(const AddressTokens& tokens, char operation) {
    return std::any_of(tokens.begin(), tokens.end(),
                       [operation](const AddressToken& t) { return t.Is(operation); });
}

/// Takes off one dot at the end of a domain.
void StripLastDot(AddressTokens& tokens) {
    if (tokens.empty() || !tokens.back().Is('.') || !Holds(tokens, '@')) return;
    const AddressToken& before = tokens[tokens.size() - 2];
    if (!before.Is('.') && !before.Is('@')) tokens.pop_back();
}

/// Cuts off the last '@' and what follows it; empty if there is none.
AddressTokens CutDomain(AddressTokens& tokens) {
    const auto after = std::find_if(tokens.rbegin(), tokens.rend(),
                                    [](const AddressToken& t) { return t.Is('@'); });
    if (after == tokens.rend()) return {};
    const auto at = std::prev(after.base());
    AddressTokens domain(std::make_move_iterator(at), std::make_move_iterator(tokens.end()));
    tokens.erase(at, tokens.end());
    return domain;
}

bool IsOneQuotedString(const AddressTokens& tokens) {
    return tokens.size() == 1 && tokens[0].kind == AddressToken::Kind::kQuotedString;
}

/// If a quoted local part holds routing, takes it out of its quotes.
bool CrackOpen(AddressTokens& tokens, const mail::RewritingRules& rules) {
    if (!IsOneQuotedString(tokens)) return false;
    std::string local_part = tokens[0].text;
    std::size_t operation = local_part.rfind('@');
    if (operation == local_part.npos && rules.allow_percent_hack) operation = local_part.rfind('%');
    if (operation == local_part.npos && rules.swap_bangpath) operation = local_part.rfind('!');
    if (operation == local_part.npos) return false;
    if (local_part[operation] == '%') local_part[operation] = '@';
    if (local_part[operation] == '@') local_part = mail::Quoted(local_part);
    tokens = mail::Tokenized(local_part);
    return true;
}

bool HasRouting(const AddressTokens& tokens, const mail::RewritingRules& rules) {
    return Holds(tokens, '@') || (rules.swap_bangpath && Holds(tokens, '!')) ||
           (rules.allow_percent_hack && Holds(tokens, '%'));
}

struct Destination {
    std::string recipient;
    bool is_local = false;
};

/// Strips local domains until what is left has a domain that is not, or none.
async::Task<Destination> FollowRouting(const MailSystem& system, DecisionLookups& lookups,
                                       std::string_view address) {
    if (mail::IsPlain(address)) {
        Destination plain;
        plain.recipient = address;
        plain.is_local = co_await IsLocalDomain(system, lookups, *mail::Domain(address));
        co_return plain;
    }
    AddressTokens tokens = mail::Tokenized(mail::Quoted(address));
    AddressTokens local_domain;
    // Every turn makes the address shorter or complete; the bound is for what nobody thought of.
    for (std::size_t turns = address.size() + 100; turns > 0; --turns) {
        StripLastDot(tokens);
        AddressTokens domain = CutDomain(tokens);
        if (domain.size() > 1) {
            const AddressTokens name(domain.begin() + 1, domain.end());
            const std::string domain_name = mail::Internalized(name);
            const bool is_local = co_await IsLocalDomain(system, lookups, domain_name);
            if (!is_local) {
                std::move(domain.begin(), domain.end(), std::back_inserter(tokens));
                Destination remote;
                remote.recipient = mail::Internalized(tokens);
                co_return remote;
            }
        }
        if (!domain.empty()) local_domain = std::move(domain);

        if (HasRouting(tokens, system.rewriting) || CrackOpen(tokens, system.rewriting)) {
            mail::Rewrite(tokens, system.rewriting);
        } else if (tokens.empty() || (IsOneQuotedString(tokens) && tokens[0].text.empty())) {
            tokens = mail::Tokenized("MAILER-DAEMON");
        } else if (local_domain.empty()) {
            tokens =
                mail::Tokenized(mail::Quoted(mail::Internalized(tokens) + '@' + system.myhostname));
        } else {
            std::move(local_domain.begin(), local_domain.end(), std::back_inserter(tokens));
            break;
        }
    }
    Destination local;
    local.recipient = mail::Internalized(tokens);
    local.is_local = true;
    co_return local;
}

bool IsDeliverableDomain(std::string_view domain) {
    return domain.starts_with('[') ? mail::IsAddressLiteral(domain) : mail::IsValidDomain(domain);
}

async::Task<AddressClass> ClassOf(const MailSystem& system, DecisionLookups& lookups,
                                  std::string_view domain) {
    struct Candidate {
        const tables::DomainList* domains;
        AddressClass address_class;
    };
    const Candidate candidates[] = {
        {&system.virtual_alias_domains, AddressClass::kVirtualAlias},
        {&system.virtual_mailbox_domains, AddressClass::kVirtualMailbox},
        {&system.relay_domains, AddressClass::kRelay},
    };
    for (const Candidate& candidate : candidates) {
        const bool is_listed = co_await lookups.Contains(*candidate.domains, domain);
        if (is_listed) co_return candidate.address_class;
    }
    co_return AddressClass::kDefault;
}

const std::string& TransportOf(const MailSystem& system, AddressClass address_class) {
    static const std::string kUserUnknown(kErrorTransport);
    switch (address_class) {
        case AddressClass::kLocal:
            return system.local_transport;
        case AddressClass::kVirtualAlias:
            return kUserUnknown;
        case AddressClass::kVirtualMailbox:
            return system.virtual_transport;
        case AddressClass::kRelay:
            return system.relay_transport;
        case AddressClass::kDefault:
            break;
    }
    return system.default_transport;
}

/// Lets `route` (transport:next_hop, each optional) change the route, as in transport(5). The
/// domain is what comes next unless the transport delivers nothing.
void Apply(std::string_view route, std::string_view domain, ResolvedAddress& resolved) {
    const std::size_t colon = route.find(':');
    const std::string_view transport = route.substr(0, colon);
    const std::string_view next_hop = colon == route.npos ? "" : route.substr(colon + 1);
    if (!transport.empty()) {
        resolved.transport = transport;
        resolved.next_hop = resolved.IsRefused() ? "" : domain;
    }
    if (!next_hop.empty()) resolved.next_hop = next_hop;
}

}  // namespace

async::Task<void> AskAbout(const MailSystem& system, DecisionLookups& lookups,
                           std::string_view recipient) {
    const tables::TableChain* const chains[] = {
        &system.recipient_canonical_maps,
        &system.canonical_maps,
        &system.virtual_alias_maps,
        &system.transport_maps,
        &system.relocated_maps,
        &system.virtual_mailbox_maps,
        &system.virtual_mailbox_limit_maps,
        &system.virtual_mailbox_message_limit_maps,
    };
    const std::string key = mail::Quoted(recipient);
    co_await lookups.FindEverywhere(chains, key);
    const auto split = mail::SplitExtension(recipient, system.extensions);
    if (!split) co_return;
    const std::string bare = mail::Quoted(split->bare);
    co_await lookups.FindEverywhere(chains, bare);
}

async::Task<ResolvedAddress> ResolveAddress(const MailSystem& system, DecisionLookups& lookups,
                                            std::string_view address) {
    Destination destination = co_await FollowRouting(system, lookups, address);
    ResolvedAddress resolved;
    resolved.recipient = std::move(destination.recipient);
    const std::string domain(mail::Domain(resolved.recipient).value_or(""));
    if (!text::IsValidUtf8(resolved.recipient) || !IsDeliverableDomain(domain)) {
        resolved.is_bad_syntax = true;
        co_return resolved;
    }
    const std::size_t first_route = resolved.recipient.find_first_of("@!%");
    resolved.is_routed = resolved.recipient.substr(first_route + 1) != domain;

    resolved.address_class = AddressClass::kLocal;
    if (!destination.is_local) resolved.address_class = co_await ClassOf(system, lookups, domain);
    if (resolved.address_class != AddressClass::kDefault)
        co_await AskAbout(system, lookups, resolved.recipient);
    Apply(TransportOf(system, resolved.address_class), domain, resolved);
    if (resolved.address_class != AddressClass::kVirtualAlias) {
        const auto route = co_await FindTransport(system, lookups, resolved.recipient);
        if (route) Apply(*route, domain, resolved);
    }
    const auto moved = co_await FindAddress(system, lookups, system.relocated_maps,
                                            resolved.recipient, KeyForms::kExternalThenInternal);
    if (moved) Apply("error:5.1.6 User has moved to " + moved->value, domain, resolved);
    resolved.is_bad_syntax = resolved.recipient.starts_with('-');
    co_return resolved;
}

}  // namespace policyd::recipients
