#include "common/mail/address.hpp"

#include "common/text/ascii.hpp"
#include "common/text/byte_set.hpp"

namespace policyd::mail {

namespace {

constexpr std::size_t kNone = std::string_view::npos;

/// Atoms of RFC 822, with bytes above 127 in them, separated by single dots.
bool IsDotString(std::string_view local_part) {
    static constexpr auto kSpecials =
        text::ByteSet(" ()<>@,;:\\\"[]").With(0x00, 0x1f).With(0x7f, 0x7f);
    if (local_part.empty() || local_part.front() == '.' || local_part.back() == '.') return false;
    return local_part.find("..") == kNone && !kSpecials.HasAnyOf(local_part);
}

std::string InQuotes(std::string_view local_part) {
    std::string quoted = "\"";
    for (const char c : local_part) {
        if (c == '"' || c == '\\' || c == '\r') quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

/// Where the local part begins: after a source route.
std::size_t AfterRoute(std::string_view address) {
    if (!address.starts_with('@')) return 0;
    const std::size_t colon = address.find(':');
    return colon == kNone ? 0 : colon + 1;
}

bool IsReserved(std::string_view local_part, const ExtensionRules& rules) {
    for (const std::string_view name :
         {std::string_view("postmaster"), std::string_view("mailer-daemon"),
          std::string_view(rules.double_bounce_sender)})
        if (text::EqualsIgnoringCase(local_part, name)) return true;
    if (!rules.owner_request_special || rules.delimiters.find('-') == kNone) return false;
    constexpr std::string_view kOwner = "owner-";
    constexpr std::string_view kRequest = "-request";
    if (text::EqualsIgnoringCase(local_part.substr(0, kOwner.size()), kOwner)) return true;
    return local_part.size() > kRequest.size() &&
           text::EqualsIgnoringCase(local_part.substr(local_part.size() - kRequest.size()),
                                    kRequest);
}

}  // namespace

std::string_view LocalPart(std::string_view address) {
    return address.substr(0, address.rfind('@'));
}

std::optional<std::string_view> Domain(std::string_view address) {
    const std::size_t at = address.rfind('@');
    if (at == kNone) return std::nullopt;
    return address.substr(at + 1);
}

std::string Quoted(std::string_view address) {
    const std::size_t start = AfterRoute(address);
    const std::string_view mailbox = address.substr(start);
    const std::string_view local_part = LocalPart(mailbox);
    if (IsDotString(local_part)) return std::string(address);
    std::string quoted(address.substr(0, start));
    quoted += InQuotes(local_part);
    quoted += mailbox.substr(local_part.size());
    return quoted;
}

std::string QuotedLocalPart(std::string_view local_part) {
    return IsDotString(local_part) ? std::string(local_part) : InQuotes(local_part);
}

std::string Unquoted(std::string_view address) {
    const std::size_t start = AfterRoute(address);
    std::string unquoted(address.substr(0, start));
    bool in_quotes = false;
    std::size_t at = kNone;  // the last '@' outside quotes
    std::size_t at_in_result = kNone;
    for (std::size_t i = start; i < address.size(); ++i) {
        char c = address[i];
        if (c == '"') {
            in_quotes = !in_quotes;
            continue;
        }
        if (c == '@' && !in_quotes) {
            at = i;
            at_in_result = unquoted.size();
        } else if (c == '\\') {
            if (i + 1 == address.size()) continue;
            c = address[++i];
        }
        unquoted += c;
    }
    if (at != kNone) unquoted.replace(at_in_result, kNone, address.substr(at));
    return unquoted;
}

bool IsPlain(std::string_view address) {
    static constexpr auto kWordsAndDots =
        text::ByteSet("-_+=.").With('a', 'z').With('A', 'Z').With('0', '9');
    const auto is_plain = [](std::string_view part) {
        return !part.empty() && part.front() != '.' && part.back() != '.' &&
               part.find("..") == kNone && kWordsAndDots.HasAllOf(part);
    };
    const std::size_t at = address.find('@');
    if (at == kNone || !is_plain(address.substr(0, at))) return false;
    const std::string_view domain = address.substr(at + 1);
    return is_plain(domain) && domain.find('.') != kNone;
}

std::optional<ExtensionSplit> SplitExtension(std::string_view address,
                                             const ExtensionRules& rules) {
    const std::string_view local_part = LocalPart(address);
    const std::size_t cut = local_part.find_first_of(rules.delimiters);
    if (cut == kNone || cut == 0 || IsReserved(local_part, rules)) return std::nullopt;
    ExtensionSplit split;
    split.bare = local_part.substr(0, cut);
    split.bare += address.substr(local_part.size());
    split.extension = local_part.substr(cut);
    return split;
}

}  // namespace policyd::mail
