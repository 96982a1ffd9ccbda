#include "common/recipients/address_search.hpp"

#include "common/mail/address.hpp"
#include "common/mail/address_literal.hpp"
#include "common/text/fold_case.hpp"

namespace policyd::recipients {

namespace {

using tables::KeyKind;

/// One search of tables for forms of an address.
class Search {
public:
    Search(DecisionLookups& lookups, const tables::TableChain& tables, KeyForms forms)
        : lookups_(lookups), tables_(tables), forms_(forms) {}

    async::Task<std::optional<std::string>> Address(std::string_view address, KeyKind kind) {
        if (mail::IsPlain(address)) return lookups_.Find(tables_, address, kind);
        return Forms(address, mail::Quoted(address), kind);
    }

    async::Task<std::optional<std::string>> LocalPart(std::string_view local_part) {
        return Forms(local_part, mail::QuotedLocalPart(local_part), KeyKind::kPartial);
    }

    async::Task<std::optional<std::string>> Key(std::string_view key) {
        return lookups_.Find(tables_, key, KeyKind::kPartial);
    }

private:
    async::Task<std::optional<std::string>> Forms(std::string_view internal, std::string external,
                                                  KeyKind kind) {
        std::optional<std::string> value = co_await lookups_.Find(tables_, external, kind);
        if (!value && forms_ == KeyForms::kExternalThenInternal && internal != external)
            value = co_await lookups_.Find(tables_, internal, kind);
        co_return value;
    }

    DecisionLookups& lookups_;
    const tables::TableChain& tables_;
    const KeyForms forms_;
};

AddressMatch Match(std::string value, std::string_view key, std::string_view extension = {}) {
    return {std::move(value), std::string(key), std::string(extension)};
}

async::Task<std::optional<AddressMatch>> SearchFor(const MailSystem& system,
                                                   DecisionLookups& lookups,
                                                   const tables::TableChain& tables,
                                                   std::string_view address, KeyForms forms) {
    Search search(lookups, tables, forms);
    const auto split = mail::SplitExtension(address, system.extensions);

    if (auto value = co_await search.Address(address, KeyKind::kWhole))
        co_return Match(std::move(*value), address);
    if (split) {
        if (auto value = co_await search.Address(split->bare, KeyKind::kPartial))
            co_return Match(std::move(*value), split->bare, split->extension);
    }
    const auto domain = mail::Domain(address);
    if (!domain) co_return std::nullopt;

    bool is_local = text::FoldCase(*domain) == text::FoldCase(system.rewriting.myorigin);
    if (!is_local) is_local = co_await IsLocalDomain(system, lookups, *domain);
    if (is_local) {
        const std::string_view user = mail::LocalPart(address);
        if (auto value = co_await search.LocalPart(user)) co_return Match(std::move(*value), user);
        if (split) {
            const std::string_view bare = mail::LocalPart(split->bare);
            if (auto value = co_await search.LocalPart(bare))
                co_return Match(std::move(*value), bare, split->extension);
        }
    }
    const std::string_view at_domain = address.substr(address.rfind('@'));
    if (auto value = co_await search.Key(at_domain)) co_return Match(std::move(*value), at_domain);
    co_return std::nullopt;
}

}  // namespace

async::Task<bool> IsLocalDomain(const MailSystem& system, DecisionLookups& lookups,
                                std::string_view domain) {
    if (domain.ends_with('.')) domain.remove_suffix(1);
    if (domain.empty() || domain.ends_with('.')) co_return false;
    const bool is_listed = co_await lookups.Contains(system.mydestination, domain);
    if (is_listed) co_return true;
    co_return domain.front() == '[' &&
        system.own_addresses.count(mail::AddressInLiteral(domain)) != 0;
}

async::Task<std::optional<AddressMatch>> FindAddress(const MailSystem& system,
                                                     DecisionLookups& lookups,
                                                     const tables::TableChain& tables,
                                                     std::string_view address, KeyForms forms) {
    if (tables.IsEmpty()) return async::Task<std::optional<AddressMatch>>::Of();
    return SearchFor(system, lookups, tables, address, forms);
}

async::Task<std::optional<std::string>> FindTransport(const MailSystem& system,
                                                      DecisionLookups& lookups,
                                                      std::string_view address) {
    if (system.transport_maps.IsEmpty()) co_return std::nullopt;
    Search search(lookups, system.transport_maps, KeyForms::kExternalThenInternal);
    if (auto value = co_await search.Address(address, KeyKind::kWhole)) co_return value;
    if (const auto split = mail::SplitExtension(address, system.extensions)) {
        if (auto value = co_await search.Address(split->bare, KeyKind::kPartial)) co_return value;
    }
    for (std::string_view name = mail::Domain(address).value_or(""); !name.empty();) {
        if (auto value = co_await search.Key(name)) co_return value;
        const std::size_t dot = name.find('.', 1);
        if (dot == name.npos) break;
        name.remove_prefix(system.transport_of_domain_includes_subdomains ? dot + 1 : dot);
    }
    co_return co_await lookups.Find(system.transport_maps, "*");
}

}  // namespace policyd::recipients
