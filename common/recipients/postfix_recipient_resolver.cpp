#include "common/recipients/postfix_recipient_resolver.hpp"

#include <algorithm>

#include "common/mail/address.hpp"
#include "common/recipients/alias_expansion.hpp"
#include "common/recipients/listed_recipient.hpp"
#include "common/recipients/mailbox_search.hpp"
#include "common/text/ascii.hpp"
#include "common/text/fold_case.hpp"

namespace policyd::recipients {

namespace {

void AddCopy(std::vector<Mailbox>& mailboxes, Mailbox mailbox) {
    const auto known = std::find_if(mailboxes.begin(), mailboxes.end(),
                                    [&](const Mailbox& m) { return m.name == mailbox.name; });
    if (known == mailboxes.end()) {
        mailboxes.push_back(std::move(mailbox));
    } else {
        ++known->copies;
    }
}

/// The queue manager throws away what comes to the local address of double bounces (bounce(8)).
bool IsDiscarded(const ResolvedAddress& resolved, const MailSystem& system) {
    return resolved.address_class == AddressClass::kLocal &&
           text::EqualsIgnoringCase(mail::LocalPart(resolved.recipient),
                                    system.extensions.double_bounce_sender);
}

/// virtual(8) bounces whom it does not find. Others deliver by tables of their own: without ours
/// nobody can tell.
bool CanTellWhoHasAMailbox(const MailSystem& system, const ResolvedAddress& resolved) {
    return resolved.transport == "virtual" || !system.virtual_mailbox_maps.IsEmpty();
}

std::string TransportOf(const ResolvedAddress& resolved) {
    return resolved.next_hop.empty() ? resolved.transport
                                     : resolved.transport + ':' + resolved.next_hop;
}

async::Task<Destination> FollowTo(const MailSystem& system, DecisionLookups& lookups,
                                  std::string_view address, log::WarningBudget& warnings) {
    using Fate = Destination::Fate;
    const ResolvedAddress resolved = co_await ResolveAddress(system, lookups, address);
    Destination destination;
    destination.address = resolved.recipient;
    destination.transport = TransportOf(resolved);
    if (resolved.is_bad_syntax || resolved.transport == kErrorTransport) {
        destination.fate = Fate::kRefused;
    } else if (IsDiscarded(resolved, system)) {
        destination.fate = Fate::kDiscarded;
    } else if (!DeliversIntoMailStore(system, resolved) ||
               !CanTellWhoHasAMailbox(system, resolved)) {
        destination.fate = Fate::kElsewhere;
    } else {
        destination.mailbox = co_await FindMailbox(system, lookups, resolved, warnings);
        destination.fate = destination.mailbox ? Fate::kMailbox : Fate::kNoSuchMailbox;
    }
    co_return destination;
}

Resolution::Kind KindOf(Listing listing) {
    switch (listing) {
        case Listing::kNotOurs:
            break;
        case Listing::kUnlisted:
            return Resolution::Kind::kUnknown;
        case Listing::kDeferred:
            return Resolution::Kind::kDeferred;
        case Listing::kAlias:
        case Listing::kListed:
            return Resolution::Kind::kKnown;
    }
    return Resolution::Kind::kNotOurs;
}

}  // namespace

async::Task<Way> PostfixRecipientResolver::Follow(std::string_view recipient) {
    const std::string address = mail::Rewritten(recipient, system_.rewriting);
    DecisionLookups lookups(shared_);
    Way way;
    const ListedRecipient listed = co_await FindListing(system_, lookups, address);
    way.kind = KindOf(listed.listing);
    way.is_alias = listed.listing == Listing::kAlias;
    if (!listed.text.empty()) way.refusal = std::make_shared<const std::string>(listed.text);
    if (way.kind != Resolution::Kind::kKnown) co_return way;

    const auto targets = co_await ExpandAliases(system_, lookups, address);
    if (!targets) co_return way;
    way.destinations.emplace();
    for (const std::string& target : *targets) {
        Destination destination = co_await FollowTo(system_, lookups, target, warnings_);
        way.destinations->push_back(std::move(destination));
    }
    co_return way;
}

async::Task<Resolution> PostfixRecipientResolver::Resolve(std::string_view recipient) {
    Way way = co_await Follow(recipient);
    co_return ResolutionOf(std::move(way));
}

Resolution PostfixRecipientResolver::ResolutionOf(Way way) const {
    Resolution resolution;
    resolution.kind = way.kind;
    resolution.refusal = std::move(way.refusal);
    if (!way.destinations) return resolution;
    for (Destination& destination : *way.destinations) {
        if (destination.mailbox) AddCopy(resolution.mailboxes, *std::move(destination.mailbox));
        resolution.any_elsewhere |= destination.fate == Destination::Fate::kElsewhere ||
                                    destination.fate == Destination::Fate::kDiscarded;
    }
    const bool reaches_nobody = resolution.mailboxes.empty() && !resolution.any_elsewhere;
    if (reaches_nobody && system_.refuse_alias_to_nobody && way.is_alias)
        resolution.kind = Resolution::Kind::kUnknown;
    return resolution;
}

async::Task<Mailbox> PostfixRecipientResolver::LimitsOf(std::string_view name) {
    DecisionLookups lookups(shared_);
    Mailbox mailbox;
    mailbox.name = name;
    mailbox.address = text::FoldCase(name);
    co_await FindLimits(system_, lookups, mailbox.address, mailbox, warnings_);
    co_return mailbox;
}

}  // namespace policyd::recipients
