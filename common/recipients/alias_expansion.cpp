#include "common/recipients/alias_expansion.hpp"

#include <set>

#include "common/async/when_all.hpp"
#include "common/mail/address.hpp"
#include "common/mail/address_list.hpp"
#include "common/mail/address_rewriting.hpp"
#include "common/recipients/address_resolution.hpp"
#include "common/recipients/address_search.hpp"
#include "common/text/fold_case.hpp"

namespace policyd::recipients {

namespace {

using Addresses = std::vector<std::string>;

constexpr int kMostCanonicalRewritings = 10;

/// Of the targets of one alias: others ask the same servers, and are not to wait behind hundreds.
constexpr std::size_t kMostAskedAtOnce = 16;

/// The value of a table with what belongs to it: `@other` stands for the same user there.
std::string CompletedValue(const AddressMatch& match, std::string_view address) {
    if (match.value == "<>") return "\"\"";
    if (!match.value.starts_with('@')) return match.value;
    std::string_view user = mail::LocalPart(address);
    user.remove_suffix(match.extension.size());
    return mail::Quoted(std::string(user) + match.value);
}

std::string WithExtension(std::string address, const std::string& extension) {
    address.insert(std::min(address.rfind('@'), address.size()), extension);
    return address;
}

/// What one look-up makes of an address (mail_addr_map(3)): nothing if it is not found, no address
/// at all if the value holds none.
async::Task<std::optional<Addresses>> Map(const MailSystem& system, DecisionLookups& lookups,
                                          const tables::TableChain& tables,
                                          std::string_view address, bool propagate_extension) {
    const auto match = co_await FindAddress(system, lookups, tables, address, KeyForms::kExternal);
    if (!match) co_return std::nullopt;
    Addresses result;
    for (const std::string& external : mail::ParseAddressList(CompletedValue(*match, address))) {
        std::string mapped = mail::RewrittenExternal(external, system.rewriting);
        if (propagate_extension) mapped = WithExtension(std::move(mapped), match->extension);
        result.push_back(std::move(mapped));
    }
    co_return result;
}

/// Rewrites an address in place; false if the tables hold what is no address.
async::Task<bool> Canonicalize(const MailSystem& system, DecisionLookups& lookups,
                               const tables::TableChain& tables, std::string& address) {
    for (int i = 0; i < kMostCanonicalRewritings; ++i) {
        auto mapped =
            co_await Map(system, lookups, tables, address, system.propagate_extension_of_canonical);
        if (!mapped) co_return true;
        if (mapped->empty()) co_return false;
        const bool maps_to_itself = text::FoldCase(address) == text::FoldCase(mapped->front());
        address = std::move(mapped->front());
        if (maps_to_itself) co_return true;
    }
    co_return true;
}

/// The expansion of one address by virtual_alias_maps (cleanup_map1n of cleanup(8)): the list grows
/// at its end while it is gone through, and each place is expanded until nothing changes it.
class Expansion {
public:
    Expansion(const MailSystem& system, DecisionLookups& lookups, std::string address)
        : system_(system), lookups_(lookups), addresses_{std::move(address)} {}

    async::Task<bool> Run() {
        for (std::size_t place = 0; place < addresses_.size(); ++place) {
            if (addresses_.size() > system_.virtual_alias_expansion_limit) co_return false;
            for (std::uint64_t depth = 0; !IsFinished(addresses_[place]); ++depth) {
                if (depth >= system_.virtual_alias_recursion_limit) co_return false;
                const std::string address = addresses_[place];
                co_await AskAboutThoseFrom(place);
                auto mapped = co_await Map(system_, lookups_, system_.virtual_alias_maps, address,
                                           system_.propagate_extension_of_virtual);
                if (!mapped) break;
                if (!Replace(place, address, std::move(*mapped))) co_return false;
            }
        }
        co_return true;
    }

    Addresses Result() && { return std::move(addresses_); }

private:
    /// The address at `place`, where it has not been asked about, and those behind it, which are
    /// going to be looked up as well.
    async::Task<void> AskAboutThoseFrom(std::size_t place) {
        if (!asked_about_.insert(text::FoldCase(addresses_[place])).second) co_return;
        std::vector<async::Task<void>> asking;
        asking.push_back(AskAbout(system_, lookups_, addresses_[place]));
        for (std::size_t i = place + 1; i < addresses_.size() && asking.size() < kMostAskedAtOnce;
             ++i)
            if (asked_about_.insert(text::FoldCase(addresses_[i])).second)
                asking.push_back(AskAbout(system_, lookups_, addresses_[i]));
        co_await async::WhenAll(std::move(asking));
    }

    /// An address that has expanded into itself is not expanded again, wherever it stands.
    bool IsFinished(const std::string& address) const {
        return finished_.count(text::FoldCase(address)) != 0;
    }

    bool Replace(std::size_t place, const std::string& address, Addresses mapped) {
        if (mapped.empty()) return false;
        const std::string folded = text::FoldCase(address);
        for (std::size_t i = 0; i < mapped.size(); ++i) {
            if (mapped[i].size() > system_.virtual_alias_address_length_limit) return false;
            if (text::FoldCase(mapped[i]) == folded) finished_.insert(folded);
            if (i == 0) {
                addresses_[place] = std::move(mapped[i]);
            } else {
                addresses_.push_back(std::move(mapped[i]));
            }
        }
        return true;
    }

    const MailSystem& system_;
    DecisionLookups& lookups_;
    Addresses addresses_;
    std::set<std::string> finished_;     // case-folded
    std::set<std::string> asked_about_;  // case-folded
};

Addresses EachOnce(Addresses addresses) {
    std::set<std::string> seen;
    std::erase_if(addresses, [&seen](const std::string& address) {
        return !seen.insert(text::FoldCase(address)).second;
    });
    return addresses;
}

}  // namespace

async::Task<std::optional<std::vector<std::string>>> ExpandAliases(const MailSystem& system,
                                                                   DecisionLookups& lookups,
                                                                   std::string_view address) {
    std::string canonical(address);
    std::vector<const tables::TableChain*> chains;
    if (system.rewrites_by_recipient_canonical_maps)
        chains.push_back(&system.recipient_canonical_maps);
    if (system.rewrites_by_canonical_maps) chains.push_back(&system.canonical_maps);
    for (const auto* tables : chains) {
        const bool is_sound = co_await Canonicalize(system, lookups, *tables, canonical);
        if (!is_sound) co_return std::nullopt;
    }
    Expansion expansion(system, lookups, std::move(canonical));
    const bool is_complete = co_await expansion.Run();
    if (!is_complete) co_return std::nullopt;
    co_return EachOnce(std::move(expansion).Result());
}

}  // namespace policyd::recipients
