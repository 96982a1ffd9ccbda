#include "common/recipients/mailbox_search.hpp"

#include <algorithm>
#include <chrono>

#include "common/log/logging.hpp"
#include "common/mail/address.hpp"
#include "common/mail/maildir_entry.hpp"
#include "common/recipients/address_search.hpp"
#include "common/text/ascii.hpp"
#include "common/text/fold_case.hpp"
#include "common/text/utf8.hpp"

namespace policyd::recipients {

namespace {

enum class NextHop { kIsTheSame, kBeginsTheSame };

/// `transport` alone stands for every next hop.
bool Matches(std::string_view name, std::string_view next_hop, std::string_view transport,
             NextHop how) {
    const std::size_t colon = transport.find(':');
    if (name != transport.substr(0, colon)) return false;
    if (colon == transport.npos || colon + 1 == transport.size()) return true;
    const std::string_view wanted = transport.substr(colon + 1);
    return how == NextHop::kIsTheSame ? next_hop == wanted : next_hop.starts_with(wanted);
}

/// virtual_mailbox_maps as the delivery agent sees them; the same chain where there is no
/// difference, so that no key is looked up twice.
const tables::TableChain& MailboxesOf(const MailSystem& system, const ResolvedAddress& resolved) {
    const tables::TableChain& folded = system.virtual_mailbox_maps;
    const tables::TableChain& as_written = system.virtual_mailbox_maps_as_written;
    const bool differ = as_written.Tables() != folded.Tables();
    return differ && resolved.transport == "virtual" ? as_written : folded;
}

std::chrono::milliseconds Now() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now);
}

/// The address that a directory stands for, or, where it is a folder (.Sent), the mailbox that it
/// is in: what a folder holds counts as the mailbox's.
std::optional<std::string> AddressOf(const mail::MailboxLayout& layout,
                                     const std::string& directory) {
    if (auto address = layout.AddressOf(directory)) return address;
    const std::size_t slash = directory.rfind('/');
    if (slash == directory.npos || !mail::IsFolderName(directory.substr(slash + 1)))
        return std::nullopt;
    return layout.AddressOf(directory.substr(0, slash));
}

/// Of the mailbox at `path`; nothing for a file, or where the path fits no address.
std::optional<std::string> NameByPath(const MailSystem& system, const std::string& path) {
    const auto directory = mail::DirectoryWithinBase(path);
    if (!directory || !path.ends_with('/')) return std::nullopt;
    return AddressOf(system.mailbox_layout, *directory);
}

/// Of what is found again with each message for the mailbox.
void WarnOnce(log::WarningBudget& warnings, const std::string& mistake) {
    if (warnings.TakeOnce(Now(), mistake)) log::Warning("recipient: {}", mistake);
}

/// The name of the mailbox at `path`: the address that its directory stands for, or `address` where
/// it stands for none. Nothing for a path outside the mail store.
std::optional<std::string> NameOf(const MailSystem& system, const ResolvedAddress& resolved,
                                  const std::string& path, const std::string& address,
                                  log::WarningBudget& warnings) {
    if (!mail::DirectoryWithinBase(path)) {
        WarnOnce(warnings, fmt::format("the mailbox of {} lies outside virtual_mailbox_base: {}",
                                       text::EscapedForLog(address), text::EscapedForLog(path)));
        return std::nullopt;
    }
    if (!path.ends_with('/')) return address;  // a file, which no scan measures
    if (auto name = NameByPath(system, path)) return name;
    // Others than virtual(8) find the directory by themselves.
    if (system.usage_is_scanned && resolved.transport == "virtual")
        WarnOnce(warnings, fmt::format("the mailbox of {} does not fit mailbox_layout = {}, so "
                                       "that no scan measures it: {}",
                                       text::EscapedForLog(address),
                                       system.mailbox_layout.Pattern(), text::EscapedForLog(path)));
    return address;
}

/// Usage is summed up by the domain as the directories have it: one that they write in two ways has
/// its limits twice.
void WarnOfApartDomain(const Mailbox& mailbox, log::WarningBudget& warnings) {
    if (mailbox.domain_quota_bytes == 0 && mailbox.domain_quota_messages == 0) return;
    const std::string_view domain = mail::Domain(mailbox.name).value_or("");
    if (text::FoldCase(domain) == domain) return;
    WarnOnce(warnings, fmt::format("what is in the directory {} counts apart from others of the "
                                   "domain, which has limits: write it in lower case (mailbox {})",
                                   text::EscapedForLog(domain), text::EscapedForLog(mailbox.name)));
}

/// The number that `value` is; throws what a table that cannot answer throws for anything else, and
/// tells of it: among all that is unavailable it would be one failure of many.
std::uint64_t ParseLimit(const tables::TableChain& limits, std::string_view key,
                         const std::string& value, log::WarningBudget& warnings) {
    const auto number = text::ParseUnsigned(text::Trim(value));
    if (number) return *number;
    const std::string mistake = limits.Parameter() + ": the limit of " + text::EscapedForLog(key) +
                                " is no number: \"" + text::EscapedForLog(value) + '"';
    WarnOnce(warnings, mistake + ": its mail is answered as in an outage");
    throw outage::TableUnavailable(mistake);
}

/// The key of a table for an address, or for all of a domain.
std::string External(std::string_view address) {
    return address.starts_with('@') ? std::string(address) : mail::Quoted(address);
}

async::Task<std::optional<std::string>> PathOf(const MailSystem& system, DecisionLookups& lookups,
                                               std::string_view key) {
    const std::string external = External(key);
    co_return co_await lookups.Find(system.virtual_mailbox_maps, external,
                                    tables::KeyKind::kPartial);
}

/// Whether a key is the address of another mailbox: user@domain, or @domain, beside
/// user+extension@domain.
async::Task<bool> IsOfAnother(const MailSystem& system, DecisionLookups& lookups,
                              std::string_view key, const Mailbox& mailbox) {
    const auto path = co_await PathOf(system, lookups, key);
    if (!path) co_return false;
    if (const auto other = NameByPath(system, *path))
        co_return text::FoldCase(*other) != text::FoldCase(mailbox.name);
    // What is no path may be the same for a whole domain.
    const auto own = co_await PathOf(system, lookups, mailbox.address);
    co_return own != path;
}

/// The limit that a table has for an address of the mailbox. One that it has for more addresses is
/// the default of those that have none, but where a mailbox of its own has that address, it is for
/// that one alone.
async::Task<std::optional<std::uint64_t>> FindLimit(
    const MailSystem& system, DecisionLookups& lookups, const tables::TableChain& limits,
    std::string_view address, const Mailbox& mailbox, log::WarningBudget& warnings) {
    const auto match =
        co_await FindAddress(system, lookups, limits, address, KeyForms::kExternalThenInternal);
    if (!match) co_return std::nullopt;
    if (match->key != address) {
        const bool is_of_another = co_await IsOfAnother(system, lookups, match->key, mailbox);
        if (is_of_another) co_return std::nullopt;
    }
    co_return ParseLimit(limits, match->key, match->value, warnings);
}

/// For the recipient, or else for the mailbox that his mail goes to, or else for all mailboxes.
async::Task<std::uint64_t> FindAnyLimit(const MailSystem& system, DecisionLookups& lookups,
                                        const tables::TableChain& limits,
                                        const tables::TableChain& defaults,
                                        std::string_view recipient, const Mailbox& mailbox,
                                        log::WarningBudget& warnings) {
    const std::string name = text::FoldCase(mailbox.name);
    if (!limits.IsEmpty()) {
        const auto of_recipient =
            co_await FindLimit(system, lookups, limits, recipient, mailbox, warnings);
        if (of_recipient) co_return *of_recipient;
        if (name != recipient) {
            const auto of_mailbox =
                co_await FindLimit(system, lookups, limits, name, mailbox, warnings);
            if (of_mailbox) co_return *of_mailbox;
        }
    }
    if (defaults.IsEmpty()) co_return 0;
    const std::string key = External(name);
    const auto value = co_await lookups.Find(defaults, key);
    co_return value ? ParseLimit(defaults, name, *value, warnings) : 0;
}

async::Task<std::uint64_t> FindDomainLimit(DecisionLookups& lookups,
                                           const tables::TableChain& limits,
                                           std::string_view mailbox, log::WarningBudget& warnings) {
    const std::size_t at = mailbox.rfind('@');
    if (limits.IsEmpty() || at == mailbox.npos) co_return 0;
    const std::string domain = text::FoldCase(mailbox.substr(at + 1));
    const auto value = co_await lookups.Find(limits, domain);
    co_return value ? ParseLimit(limits, domain, *value, warnings) : 0;
}

}  // namespace

bool ListsTransport(const std::vector<std::string>& mailbox_transports, std::string_view transport,
                    std::string_view next_hop) {
    return std::any_of(mailbox_transports.begin(), mailbox_transports.end(),
                       [&](const std::string& listed) {
                           return Matches(transport, next_hop, listed, NextHop::kBeginsTheSame);
                       });
}

bool DeliversIntoMailStore(const MailSystem& system, const ResolvedAddress& resolved) {
    return Matches(resolved.transport, resolved.next_hop, system.virtual_transport,
                   NextHop::kIsTheSame) ||
           ListsTransport(system.mailbox_transports, resolved.transport, resolved.next_hop);
}

async::Task<std::optional<Mailbox>> FindMailbox(const MailSystem& system, DecisionLookups& lookups,
                                                const ResolvedAddress& resolved,
                                                log::WarningBudget& warnings) {
    const std::string folded = text::FoldCase(resolved.recipient);
    const auto match = co_await FindAddress(system, lookups, MailboxesOf(system, resolved), folded,
                                            KeyForms::kExternalThenInternal);
    if (!match) co_return std::nullopt;
    Mailbox mailbox;
    mailbox.address = match->key;
    auto name = NameOf(system, resolved, match->value, mailbox.address, warnings);
    if (!name) co_return std::nullopt;
    mailbox.name = std::move(*name);
    co_await FindLimits(system, lookups, folded, mailbox, warnings);
    WarnOfApartDomain(mailbox, warnings);
    co_return mailbox;
}

async::Task<> FindLimits(const MailSystem& system, DecisionLookups& lookups,
                         std::string_view recipient, Mailbox& mailbox,
                         log::WarningBudget& warnings) {
    mailbox.quota_bytes =
        co_await FindAnyLimit(system, lookups, system.virtual_mailbox_limit_maps,
                              system.virtual_mailbox_limit_defaults, recipient, mailbox, warnings);
    mailbox.quota_messages = co_await FindAnyLimit(
        system, lookups, system.virtual_mailbox_message_limit_maps,
        system.virtual_mailbox_message_limit_defaults, recipient, mailbox, warnings);
    mailbox.domain_quota_bytes =
        co_await FindDomainLimit(lookups, system.virtual_domain_limit_maps, mailbox.name, warnings);
    mailbox.domain_quota_messages = co_await FindDomainLimit(
        lookups, system.virtual_domain_message_limit_maps, mailbox.name, warnings);
}

}  // namespace policyd::recipients
