#include "common/mail/address_literal.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "common/text/ascii.hpp"

namespace policyd::mail {

namespace {

/// What an address literal holds, without its tag; empty for one whose tag is wrong.
std::string_view InsideLiteral(std::string_view domain) {
    if (domain.size() < 2 || domain.front() != '[' || domain.back() != ']') return {};
    std::string_view address = domain.substr(1, domain.size() - 2);
    constexpr std::string_view kIpv6 = "IPv6:";
    const bool is_ipv6 = text::EqualsIgnoringCase(address.substr(0, kIpv6.size()), kIpv6);
    if (is_ipv6) address.remove_prefix(kIpv6.size());
    if (is_ipv6 != (address.find(':') != address.npos)) return {};
    return address;
}

/// Four groups of at most 255; the first is 0 only in 0.0.0.0 (valid_ipv4_hostaddr).
bool IsDottedDecimal(std::string_view address) {
    constexpr std::size_t kGroups = 4;
    std::size_t groups = 0;
    unsigned first = 0;
    bool any_but_zeros = false;
    for (std::size_t at = 0; at <= address.size();) {
        const std::size_t dot = std::min(address.find('.', at), address.size());
        const std::string_view group = address.substr(at, dot - at);
        unsigned value = 0;
        if (group.empty()) return false;
        for (const char c : group) {
            if (!text::IsDigit(c)) return false;
            value = value * 10 + static_cast<unsigned>(c - '0');
            if (value > 255) return false;
        }
        if (groups++ == 0) first = value;
        any_but_zeros |= value != 0;
        at = dot + 1;
    }
    return groups == kGroups && (first != 0 || !any_but_zeros);
}

}  // namespace

bool IsAddressLiteral(std::string_view domain) {
    const std::string_view address = InsideLiteral(domain);
    if (address.find(':') != address.npos) return !NormalizedIpAddress(address).empty();
    return IsDottedDecimal(address);
}

std::string AddressInLiteral(std::string_view domain) {
    if (!IsAddressLiteral(domain)) return {};
    const std::string address(InsideLiteral(domain));
    in_addr ipv4{};
    if (address.find(':') != address.npos || inet_aton(address.c_str(), &ipv4) == 0)
        return NormalizedIpAddress(address);
    char normalized[INET_ADDRSTRLEN];
    return inet_ntop(AF_INET, &ipv4, normalized, sizeof normalized);
}

std::string_view WithoutBrackets(std::string_view address) {
    if (!address.starts_with('[') || !address.ends_with(']')) return address;
    return address.substr(1, address.size() - 2);
}

std::string NormalizedIpAddress(std::string_view address) {
    const std::string text(address);
    const int family = text.find(':') == text.npos ? AF_INET : AF_INET6;
    unsigned char bytes[sizeof(in6_addr)];
    char normalized[INET6_ADDRSTRLEN];
    if (inet_pton(family, text.c_str(), bytes) != 1) return {};
    return inet_ntop(family, bytes, normalized, sizeof normalized);
}

}  // namespace policyd::mail
