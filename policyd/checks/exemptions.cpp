#include "policyd/checks/exemptions.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <stdexcept>

#include "common/mail/address.hpp"
#include "common/text/ascii.hpp"
#include "common/text/fold_case.hpp"

namespace policyd::checks {

namespace {

constexpr std::string_view kNullSender = "<>";

}  // namespace

AddressList::AddressList(const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
        const bool is_null = pattern == kNullSender;
        const bool is_bracketed = pattern.starts_with('<') && pattern.ends_with('>');
        const bool has_domain = pattern.find('@') != std::string::npos && pattern != "@";
        if (!is_null && (is_bracketed || !has_domain || text::Trim(pattern) != pattern))
            throw std::invalid_argument("user@domain, user@, @domain or <>, not \"" + pattern +
                                        '"');
        patterns_.push_back(text::FoldCase(mail::Unquoted(pattern)));
    }
}

bool AddressList::Contains(std::string_view address) const {
    if (patterns_.empty()) return false;
    std::string folded;
    if (!text::IsFoldedAscii(address)) folded = text::FoldCase(address);
    const std::string_view whole = address.empty()  ? kNullSender
                                   : folded.empty() ? address
                                                    : std::string_view(folded);
    const std::size_t at = whole.rfind('@');
    return std::any_of(patterns_.begin(), patterns_.end(), [&](std::string_view pattern) {
        if (pattern == whole) return true;
        if (pattern == kNullSender) return false;
        if (pattern.front() == '@')
            return at != std::string_view::npos && whole.substr(at) == pattern;
        // A recipient without a domain is a local user.
        return pattern.back() == '@' &&
               whole.substr(0, at) == pattern.substr(0, pattern.size() - 1);
    });
}

bool ClientList::Network::IsIpv4() const {
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return prefix >= 96 && std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

bool ClientList::ParseAddress(std::string_view text, Network& network) {
    const std::string address(text);
    if (inet_pton(AF_INET6, address.c_str(), network.address.data()) == 1) return true;
    network.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return inet_pton(AF_INET, address.c_str(), network.address.data() + 12) == 1;
}

/// As mynetworks of Postfix: who writes 10.0.0.1/8 may mean one address, or all of them.
void ClientList::RequireNoBitsBehind(const Network& network, std::string_view text) {
    for (unsigned bit = network.prefix; bit < 128; ++bit)
        if ((network.address[bit / 8] & (0x80u >> bit % 8)) != 0)
            throw std::invalid_argument(
                "a network, whose address has no bits behind its prefix, not \"" +
                std::string(text) + '"');
}

ClientList::Network ClientList::ParseNetwork(std::string_view text) {
    Network network;
    const std::size_t slash = text.find('/');
    const std::string_view address = text.substr(0, slash);
    if (!ParseAddress(address, network))
        throw std::invalid_argument("an address before the /, not \"" + std::string(text) + '"');
    if (slash == std::string_view::npos) return network;
    const unsigned bits = address.find(':') == std::string_view::npos ? 32 : 128;
    const auto prefix = text::ParseUnsigned(text.substr(slash + 1));
    if (!prefix || *prefix > bits)
        throw std::invalid_argument("a prefix of 0 to " + std::to_string(bits) +
                                    " bits behind the /, not \"" + std::string(text) + '"');
    network.prefix = static_cast<unsigned>(*prefix) + (128 - bits);
    RequireNoBitsBehind(network, text);
    return network;
}

bool ClientList::IsHostName(std::string_view pattern) {
    const auto may_stand_in_a_name = [](char c) {
        return c == '.' || c == '-' || c == '_' || text::IsDigit(c) ||
               (text::ToLower(c) >= 'a' && text::ToLower(c) <= 'z') || (c & 0x80) != 0;
    };
    const std::string_view top = pattern.substr(pattern.rfind('.') + 1);
    const bool is_number = std::all_of(top.begin(), top.end(), text::IsDigit);
    return !is_number && std::all_of(pattern.begin(), pattern.end(), may_stand_in_a_name);
}

ClientList::ClientList(const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
        Network address;
        if (pattern.find('/') != std::string::npos) {
            networks_.push_back(ParseNetwork(pattern));
        } else if (ParseAddress(pattern, address)) {
            networks_.push_back(address);
        } else if (IsHostName(pattern)) {
            names_.push_back(text::FoldCase(pattern));
        } else {
            throw std::invalid_argument("an address, a network, a host name or .domain, not \"" +
                                        pattern + '"');
        }
    }
}

bool ClientList::Contains(std::string_view address, std::string_view name) const {
    Network client;
    if (!networks_.empty() && ParseAddress(address, client)) {
        const auto matches = [&client](const Network& network) {
            if (network.IsIpv4() != client.IsIpv4()) return false;
            for (unsigned bit = 0; bit < network.prefix; bit += 8) {
                const unsigned rest = std::min(8u, network.prefix - bit);
                const auto mask = static_cast<std::uint8_t>(0xff00u >> rest);
                if (((network.address[bit / 8] ^ client.address[bit / 8]) & mask) != 0)
                    return false;
            }
            return true;
        };
        if (std::any_of(networks_.begin(), networks_.end(), matches)) return true;
    }
    if (names_.empty()) return false;
    const std::string folded = text::FoldCase(name);
    return std::any_of(names_.begin(), names_.end(), [&folded](const std::string& pattern) {
        return pattern.front() == '.' ? folded.ends_with(pattern) : folded == pattern;
    });
}

bool Exemptions::Cover(const protocol::PolicyRequest& request, std::string_view recipient) const {
    return IsIn(recipients, recipient) || IsIn(senders, request.sender) ||
           clients.Contains(request.client_address, request.client_name);
}

bool Exemptions::IsIn(const AddressList& list, std::string_view typed) const {
    if (list.IsEmpty()) return false;
    if (list.Contains(typed)) return true;
    // As nearly all are; the rest costs much to take apart. The null sender stays what it is.
    const bool is_complete = !rewriting || typed.empty() || mail::IsPlain(typed);
    std::string rewritten;
    if (!is_complete) rewritten = mail::Rewritten(typed, *rewriting);
    const std::string_view address = is_complete ? typed : std::string_view(rewritten);
    if (!is_complete && list.Contains(address)) return true;
    const auto split = mail::SplitExtension(address, extensions);
    return split && list.Contains(split->bare);
}

}  // namespace policyd::checks
