#include "policyd/checks/access_result.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

#include "common/protocol/action_word.hpp"
#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"
#include "policyd/checks/restriction_list.hpp"

namespace policyd::checks {

namespace {

using Kind = AccessResult::Kind;
using protocol::ActionWord;

Kind KindOf(ActionWord::Effect effect) {
    switch (effect) {
        case ActionWord::Effect::kNothing:
            break;
        case ActionWord::Effect::kNote:
            return Kind::kNote;
        case ActionWord::Effect::kAside:
        case ActionWord::Effect::kDeferIfPermit:
            return Kind::kAside;
        case ActionWord::Effect::kPermit:
            return Kind::kPermit;
        case ActionWord::Effect::kDecide:
            return Kind::kDecide;
    }
    return Kind::kNext;
}

bool AllDigits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), text::IsDigit);
}

/// On one line, as a policy reply must be.
std::string Printable(std::string_view text) {
    std::string printable(text);
    for (char& c : printable) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    }
    return printable;
}

std::string Joined(std::string_view word, std::string_view argument) {
    return std::string(word) + (argument.empty() ? "" : " " + Printable(argument));
}

bool IsReplyCode(std::string_view word) {
    return word.size() == 3 && AllDigits(word) && (word[0] == '4' || word[0] == '5');
}

bool BeginsWith(std::string_view word, std::string_view begin) {
    return text::EqualsIgnoringCase(word.substr(0, begin.size()), begin);
}

/// The restrictions of Postfix that take no argument and can refuse; it answers 451 to whoever gets
/// a name that it does not know.
constexpr std::string_view kRefusals[] = {
    "warn_if_reject",
    "reject_authenticated_sender_login_mismatch",
    "reject_invalid_helo_hostname",
    "reject_invalid_hostname",
    "reject_known_sender_login_mismatch",
    "reject_maps_rbl",
    "reject_multi_recipient_bounce",
    "reject_non_fqdn_helo_hostname",
    "reject_non_fqdn_hostname",
    "reject_non_fqdn_recipient",
    "reject_non_fqdn_sender",
    "reject_plaintext_session",
    "reject_sender_login_mismatch",
    "reject_unauth_destination",
    "reject_unauth_pipelining",
    "reject_unauthenticated_sender_login_mismatch",
    "reject_unknown_address",
    "reject_unknown_client",
    "reject_unknown_client_hostname",
    "reject_unknown_helo_hostname",
    "reject_unknown_hostname",
    "reject_unknown_recipient_domain",
    "reject_unknown_reverse_client_hostname",
    "reject_unknown_sender_domain",
    "reject_unlisted_recipient",
    "reject_unlisted_sender",
    "reject_unverified_recipient",
    "reject_unverified_sender",
};

/// Those that have an argument behind them.
constexpr std::string_view kWithArgument[] = {
    "permit_dnswl_client",
    "permit_rhswl_client",
    "reject_rbl",
    "reject_rbl_client",
    "reject_rhsbl_client",
    "reject_rhsbl_helo",
    "reject_rhsbl_recipient",
    "reject_rhsbl_reverse_client",
    "reject_rhsbl_sender",
    "sleep",
};

/// Those that can permit.
constexpr std::string_view kPermissions[] = {
    "permit_auth_destination",    "permit_inet_interfaces",  "permit_mx_backup",
    "permit_mynetworks",          "permit_naked_ip_address", "permit_sasl_authenticated",
    "permit_tls_all_clientcerts", "permit_tls_clientcerts",
};

template <std::size_t N>
bool IsOneOf(const std::string_view (&names)[N], std::string_view word) {
    return std::any_of(std::begin(names), std::end(names), [word](std::string_view name) {
        return text::EqualsIgnoringCase(name, word);
    });
}

/// A restriction with its argument.
struct Restriction {
    std::string_view name;
    std::string_view argument;
};

bool CanPermit(std::string_view name) {
    return IsOneOf(kPermissions, name) ||
           (IsOneOf(kWithArgument, name) && BeginsWith(name, "permit_"));
}

bool IsKnown(std::string_view name) {
    return IsOneOf(kRefusals, name) || IsOneOf(kPermissions, name) ||
           IsOneOf(kWithArgument, name) || DecidesInAnyCase(name);
}

/// One that lacks its argument is left out: Postfix warns of it, and does nothing.
std::vector<Restriction> RestrictionsIn(const std::vector<std::string_view>& words) {
    std::vector<Restriction> restrictions;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const bool needs_argument = IsOneOf(kWithArgument, words[i]);
        if (!needs_argument)
            restrictions.push_back({words[i], {}});
        else if (i + 1 < words.size())
            restrictions.push_back({words[i], words[i + 1]});
        if (needs_argument) ++i;
    }
    return restrictions;
}

/// What a list of restrictions comes to; nothing if it is none that can be passed on.
std::optional<AccessResult> ParseRestrictions(std::string_view value) {
    const std::vector<std::string_view> words = text::SplitAtAny(value, ", \t\r\n");
    if (words.empty()) return std::nullopt;
    std::vector<Restriction> restrictions = RestrictionsIn(words);
    std::vector<std::string_view> names;
    for (const Restriction& restriction : restrictions) names.push_back(restriction.name);
    const std::size_t end = FirstThatDecides(names);
    const bool decides = end < names.size();
    const auto decided = names.begin() + static_cast<std::ptrdiff_t>(end);
    const bool only_refuses = std::none_of(names.begin(), decided, CanPermit);
    if (!std::all_of(names.begin(), decided, IsKnown) || !(decides || only_refuses))
        return std::nullopt;
    const bool permits = decides && text::EqualsIgnoringCase(names[end], "permit");
    if (permits && end == 0) return AccessResult{Kind::kPermit, {}, {}};
    // A permit behind refusals needs no telling: Postfix would skip its own later restrictions.
    restrictions.resize(decides && !(permits && only_refuses) ? end + 1 : end);
    if (restrictions.empty()) return AccessResult{};
    std::string list;
    for (const Restriction& restriction : restrictions) {
        list += list.empty() ? "" : ", ";
        list += Joined(restriction.name, restriction.argument);
    }
    return AccessResult{decides ? Kind::kDelegate : Kind::kRestrict, std::move(list), {}};
}

}  // namespace

AccessResult ParseAccessResult(std::string_view value) {
    const std::size_t length = std::min(value.find_first_of(" \t"), value.size());
    const std::string_view word = value.substr(0, length);
    const std::string_view argument = text::Trim(value.substr(length));
    if (const ActionWord* const known = protocol::FindActionWord(word)) {
        // Postfix warns and does nothing.
        if (!known->takes(argument)) return {Kind::kNext, {}, {}};
        const Kind kind = KindOf(known->effect);
        if (kind == Kind::kPermit || kind == Kind::kNext) return {kind, {}, {}};
        if (kind == Kind::kNote) return {kind, {}, Joined(known->name, argument)};
        return {kind, Joined(known->name, argument), {}};
    }
    if (IsReplyCode(word) && !argument.empty()) return {Kind::kDecide, Joined(word, argument), {}};
    if (AllDigits(value) || text::EqualsIgnoringCase(value, "permit"))
        return {Kind::kPermit, {}, {}};
    if (auto restrictions = ParseRestrictions(value)) return *std::move(restrictions);
    throw std::invalid_argument("\"" + text::EscapedForLog(value) +
                                "\" is no action of access(5) that can be passed on");
}

bool RefusesForGood(std::string_view action) {
    const std::string_view word = action.substr(0, action.find(' '));
    return text::EqualsIgnoringCase(word, "REJECT") || (IsReplyCode(word) && word[0] == '5');
}

}  // namespace policyd::checks
