#include "common/recipients/mailbox_search.hpp"

#include "common/log/logging.hpp"
#include "common/mail/address.hpp"
#include "common/recipients/address_search.hpp"
#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::recipients {

namespace {

/// `transport` alone stands for every next hop; with a colon the next hop must begin as it does
/// there.
bool Matches(const ResolvedAddress& resolved, std::string_view transport) {
    const std::size_t colon = transport.find(':');
    if (resolved.transport != transport.substr(0, colon)) return false;
    return colon == transport.npos || resolved.next_hop.starts_with(transport.substr(colon + 1));
}

/// The name of the mailbox at `path`: the address that its directory stands for, or `address` where
/// it stands for none. Nothing for a path outside the mail store.
std::optional<std::string> NameOf(const MailSystem& system, const std::string& path,
                                  const std::string& address) {
    const auto directory = mail::DirectoryWithinBase(path);
    if (!directory) {
        log::Warning("recipient: the mailbox of {} lies outside virtual_mailbox_base: {}",
                     text::EscapedForLog(address), text::EscapedForLog(path));
        return std::nullopt;
    }
    if (!path.ends_with('/')) return address;  // a file, which no scan measures
    return system.mailbox_layout.AddressOf(*directory).value_or(address);
}

async::Task<std::uint64_t> FindQuota(const MailSystem& system, DecisionLookups& lookups,
                                     std::string_view recipient) {
    const auto limit = co_await FindAddress(system, lookups, system.virtual_mailbox_limit_maps,
                                            recipient, KeyForms::kExternalThenInternal);
    if (!limit) co_return 0;
    const auto bytes = text::ParseUnsigned(text::Trim(limit->value));
    if (!bytes) {
        throw outage::TableUnavailable("virtual_mailbox_limit_maps: the quota of " +
                                       text::EscapedForLog(recipient) + " is no number: \"" +
                                       text::EscapedForLog(limit->value) + '"');
    }
    co_return *bytes;
}

}  // namespace

bool DeliversIntoMailStore(const MailSystem& system, const ResolvedAddress& resolved) {
    if (Matches(resolved, system.virtual_transport)) return true;
    for (const std::string& transport : system.mailbox_transports) {
        if (Matches(resolved, transport)) return true;
    }
    return false;
}

async::Task<std::optional<Mailbox>> FindMailbox(const MailSystem& system, DecisionLookups& lookups,
                                                std::string_view recipient) {
    const std::string folded = text::FoldCase(recipient);
    const auto match = co_await FindAddress(system, lookups, system.virtual_mailbox_maps, folded,
                                            KeyForms::kExternalThenInternal);
    if (!match) co_return std::nullopt;
    Mailbox mailbox;
    mailbox.address = match->key;
    auto name = NameOf(system, match->value, mailbox.address);
    if (!name) co_return std::nullopt;
    mailbox.name = std::move(*name);
    mailbox.quota_bytes = co_await FindQuota(system, lookups, folded);
    co_return mailbox;
}

}  // namespace policyd::recipients
