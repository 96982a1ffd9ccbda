#include "common/recipients/postfix_recipient_resolver.hpp"

#include <algorithm>

#include "common/mail/address.hpp"
#include "common/recipients/alias_expansion.hpp"
#include "common/recipients/listed_recipient.hpp"
#include "common/recipients/mailbox_search.hpp"
#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::recipients {

namespace {

/// Where the mail of one recipient ends.
struct Ends {
    std::vector<Mailbox> mailboxes;
    bool any_elsewhere = false;  ///< some of it leaves for another system, or waits, or ends
};

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

async::Task<> FollowTo(const MailSystem& system, DecisionLookups& lookups, std::string_view address,
                       log::WarningBudget& warnings, Ends& ends) {
    const ResolvedAddress resolved = co_await ResolveAddress(system, lookups, address);
    if (resolved.is_bad_syntax || resolved.transport == kErrorTransport) co_return;
    if (IsDiscarded(resolved, system) || !DeliversIntoMailStore(system, resolved)) {
        ends.any_elsewhere = true;
        co_return;
    }
    auto mailbox = co_await FindMailbox(system, lookups, resolved, warnings);
    if (mailbox) AddCopy(ends.mailboxes, std::move(*mailbox));
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

async::Task<Resolution> PostfixRecipientResolver::Resolve(std::string_view recipient) {
    const std::string address = mail::Rewritten(recipient, system_.rewriting);
    DecisionLookups lookups(shared_);
    Resolution resolution;
    const ListedRecipient listed = co_await FindListing(system_, lookups, address);
    resolution.kind = KindOf(listed.listing);
    if (!listed.text.empty()) resolution.refusal = std::make_shared<const std::string>(listed.text);
    if (resolution.kind != Resolution::Kind::kKnown) co_return resolution;

    const auto targets = co_await ExpandAliases(system_, lookups, address);
    if (!targets) co_return resolution;
    Ends ends;
    for (const std::string& target : *targets)
        co_await FollowTo(system_, lookups, target, warnings_, ends);
    const bool reaches_nobody = ends.mailboxes.empty() && !ends.any_elsewhere;
    if (reaches_nobody && system_.refuse_alias_to_nobody && listed.listing == Listing::kAlias)
        resolution.kind = Resolution::Kind::kUnknown;
    resolution.mailboxes = std::move(ends.mailboxes);
    resolution.any_elsewhere = ends.any_elsewhere;
    co_return resolution;
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
