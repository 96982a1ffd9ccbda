#include "common/recipients/listed_recipient.hpp"

#include <utility>

#include "common/mail/address.hpp"
#include "common/recipients/address_resolution.hpp"
#include "common/recipients/address_search.hpp"
#include "common/text/ascii.hpp"
#include "common/text/fold_case.hpp"

namespace policyd::recipients {

namespace {

async::Task<bool> IsFound(const MailSystem& system, DecisionLookups& lookups,
                          const tables::TableChain& tables, std::string_view recipient) {
    if (tables.IsEmpty()) co_return false;
    const auto match =
        co_await FindAddress(system, lookups, tables, recipient, KeyForms::kExternalThenInternal);
    co_return match.has_value();
}

/// Recipients that Postfix itself needs in local domains.
bool IsIndispensable(std::string_view recipient, const MailSystem& system) {
    const std::string_view user = mail::LocalPart(recipient);
    return text::EqualsIgnoringCase(user, "postmaster") ||
           text::EqualsIgnoringCase(user, "mailer-daemon") ||
           text::EqualsIgnoringCase(user, system.extensions.double_bounce_sender);
}

/// The table of all recipients of a class; an empty one lists everybody.
const tables::TableChain* RecipientsOf(const MailSystem& system, AddressClass address_class) {
    switch (address_class) {
        case AddressClass::kLocal:
            return &system.local_recipient_maps;
        case AddressClass::kVirtualMailbox:
            return &system.virtual_mailbox_maps;
        case AddressClass::kRelay:
            return &system.relay_recipient_maps;
        default:
            return nullptr;
    }
}

}  // namespace

async::Task<ListedRecipient> FindListing(const MailSystem& system, DecisionLookups& lookups,
                                         std::string_view address) {
    ResolvedAddress resolved = co_await ResolveAddress(system, lookups, address);
    ListedRecipient listed{Listing::kNotOurs};
    if (resolved.is_bad_syntax || resolved.is_routed ||
        resolved.address_class == AddressClass::kDefault)
        co_return listed;

    const std::string recipient = text::FoldCase(resolved.recipient);
    listed.listing = Listing::kAlias;
    for (const auto* aliases :
         {&system.recipient_canonical_maps, &system.canonical_maps, &system.virtual_alias_maps}) {
        const bool is_alias = co_await IsFound(system, lookups, *aliases, recipient);
        if (is_alias) co_return listed;
    }
    if (resolved.IsRefused()) {
        listed.listing =
            resolved.transport == kErrorTransport ? Listing::kUnlisted : Listing::kDeferred;
        listed.text = std::move(resolved.next_hop);
        co_return listed;
    }
    listed.listing = Listing::kListed;
    const tables::TableChain* recipients = RecipientsOf(system, resolved.address_class);
    if (recipients == nullptr || recipients->IsEmpty()) co_return listed;
    if (resolved.address_class == AddressClass::kLocal && IsIndispensable(recipient, system))
        co_return listed;
    const bool is_listed = co_await IsFound(system, lookups, *recipients, recipient);
    if (!is_listed) listed.listing = Listing::kUnlisted;
    co_return listed;
}

}  // namespace policyd::recipients
