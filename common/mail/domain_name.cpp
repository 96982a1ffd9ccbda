#include "common/mail/domain_name.hpp"

#include <arpa/inet.h>
#include <unicode/uidna.h>

#include <algorithm>
#include <memory>

#include "common/text/ascii.hpp"
#include "common/text/unicode.hpp"

namespace policyd::mail {

namespace {

constexpr std::size_t kMostLabelBytes = 63;
constexpr std::size_t kMostDomainBytes = 255;

bool IsLetterDigitOrUnderscore(char c) {
    const char lower = text::ToLower(c);
    return (lower >= 'a' && lower <= 'z') || text::IsDigit(c) || c == '_';
}

bool IsValidLabel(std::string_view label) {
    return !label.empty() && label.size() <= kMostLabelBytes && label.front() != '-' &&
           label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
               return c == '-' || IsLetterDigitOrUnderscore(c);
           });
}

bool IsValidAsciiDomain(std::string_view domain) {
    if (domain.empty() || domain.size() > kMostDomainBytes) return false;
    if (domain.find_first_not_of("0123456789.") == domain.npos) return false;
    for (;;) {
        const std::size_t dot = domain.find('.');
        if (!IsValidLabel(domain.substr(0, dot))) return false;
        if (dot == domain.npos) return true;
        domain.remove_prefix(dot + 1);
    }
}

struct CloseIdna {
    void operator()(UIDNA* idna) const { uidna_close(idna); }
};

const UIDNA* Idna() {
    static const std::unique_ptr<UIDNA, CloseIdna> idna = [] {
        UErrorCode error = U_ZERO_ERROR;
        return std::unique_ptr<UIDNA, CloseIdna>(
            uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &error));
    }();
    return idna.get();
}

/// The form with A-labels; empty if there is none.
std::string AsciiDomain(std::string_view domain) {
    char ascii[1024];
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    UErrorCode error = U_ZERO_ERROR;
    const int length =
        uidna_nameToASCII_UTF8(Idna(), domain.data(), static_cast<int>(domain.size()), ascii,
                               static_cast<int>(sizeof ascii), &info, &error);
    if (U_FAILURE(error) || info.errors != 0) return {};
    return std::string(ascii, static_cast<std::size_t>(length));
}

}  // namespace

bool IsValidDomain(std::string_view domain) {
    if (text::IsAscii(domain)) return IsValidAsciiDomain(domain);
    return text::IsValidUtf8(domain) && IsValidAsciiDomain(AsciiDomain(domain));
}

std::string AddressInLiteral(std::string_view domain) {
    if (domain.size() < 2 || domain.front() != '[' || domain.back() != ']') return {};
    std::string_view address = domain.substr(1, domain.size() - 2);
    constexpr std::string_view kIpv6 = "IPv6:";
    const bool is_ipv6 = text::EqualsIgnoringCase(address.substr(0, kIpv6.size()), kIpv6);
    if (is_ipv6) address.remove_prefix(kIpv6.size());
    if (is_ipv6 != (address.find(':') != address.npos)) return {};
    return NormalizedIpAddress(address);
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
