#include "policyd/checks/access_result.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <vector>

#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"
#include "policyd/checks/restriction_list.hpp"

namespace policyd::checks {

namespace {

using Kind = AccessResult::Kind;

struct Word {
    std::string_view name;
    Kind kind;
    /// Must occur in the argument; 0: none needed. Without it Postfix warns and does nothing.
    char needed;
};

constexpr Word kWords[] = {
    {"OK", Kind::kPermit, 0},
    {"RELAY", Kind::kPermit, 0},
    {"DUNNO", Kind::kNext, 0},
    {"REJECT", Kind::kDecide, 0},
    {"DEFER", Kind::kDecide, 0},
    {"DISCARD", Kind::kDecide, 0},
    {"DEFER_IF_PERMIT", Kind::kAside, 0},
    {"DEFER_IF_REJECT", Kind::kAside, 0},
    {"HOLD", Kind::kAside, 0},
    {"FILTER", Kind::kAside, ':'},
    {"REDIRECT", Kind::kAside, '@'},
    {"BCC", Kind::kAside, '@'},
    {"PREPEND", Kind::kAside, ':'},
    {"WARN", Kind::kNote, 0},
    {"INFO", Kind::kNote, 0},
};

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

bool CanRefuse(std::string_view word) {
    return IsOneOf(kRefusals, word);
}

bool CanPermit(std::string_view word) {
    return IsOneOf(kPermissions, word);
}

/// What a list of restrictions comes to; nothing if it is none that can be passed on.
std::optional<AccessResult> ParseRestrictions(std::string_view value) {
    std::vector<std::string_view> words = text::SplitAtAny(value, ", \t\r\n");
    if (words.empty()) return std::nullopt;
    const std::size_t end = FirstThatDecides(words);
    const bool decides = end < words.size();
    const std::string_view last = decides ? words[end] : "";
    const bool permits = text::EqualsIgnoringCase(last, "permit");
    words.resize(end);
    const bool only_refuses = std::none_of(words.begin(), words.end(), CanPermit);
    const bool are_restrictions =
        std::all_of(words.begin(), words.end(), [](std::string_view word) {
            return CanRefuse(word) || CanPermit(word) || DecidesInAnyCase(word);
        });
    if (!are_restrictions || !(decides || only_refuses)) return std::nullopt;
    if (permits && words.empty()) return AccessResult{Kind::kPermit, {}, {}};
    // A permit behind refusals needs no telling: Postfix would skip its own later restrictions.
    if (!(permits && only_refuses) && decides) words.push_back(last);
    std::string list;
    for (const std::string_view word : words) {
        list += list.empty() ? "" : ", ";
        list += word;
    }
    return AccessResult{decides ? Kind::kDelegate : Kind::kRestrict, std::move(list), {}};
}

}  // namespace

AccessResult ParseAccessResult(std::string_view value) {
    const std::size_t length = std::min(value.find_first_of(" \t"), value.size());
    const std::string_view word = value.substr(0, length);
    const std::string_view argument = text::Trim(value.substr(length));
    for (const Word& known : kWords) {
        if (!text::EqualsIgnoringCase(word, known.name)) continue;
        if (known.needed != 0 && argument.find(known.needed) == std::string_view::npos)
            return {Kind::kNext, {}, {}};
        if (known.kind == Kind::kNote) return {known.kind, {}, Joined(known.name, argument)};
        return {known.kind, Joined(known.name, argument), {}};
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
