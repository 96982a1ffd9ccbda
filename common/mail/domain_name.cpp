#include "common/mail/domain_name.hpp"

#include <unicode/uidna.h>

#include <algorithm>
#include <memory>

#include "common/text/ascii.hpp"
#include "common/text/utf8.hpp"

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

}  // namespace policyd::mail
