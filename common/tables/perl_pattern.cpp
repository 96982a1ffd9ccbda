#include "common/tables/perl_pattern.hpp"

#include <algorithm>
#include <new>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/text/utf8.hpp"

namespace policyd::tables {

namespace {

/// Of the matcher, which goes back and tries again, for a key: some forty milliseconds. Expressions
/// that take more than a few hundred for an address are written by mistake. (Postfix, where each
/// client has an smtpd of its own to wait for, lets it take ten million from each character on.)
constexpr std::size_t kMostSteps = 4'000'000;

/// PCRE2 counts anew at each character that a match may begin with. What goes along the key once or
/// twice from there is not to end for that.
std::uint32_t MostStepsFromEach(std::size_t characters) {
    return static_cast<std::uint32_t>(
        std::max(kMostSteps / (characters + 1), 4 * characters + 1000));
}

std::uint32_t OptionsFrom(const PatternText& text) {
    std::uint32_t options = PCRE2_CASELESS | PCRE2_DOTALL;
    for (const char flag : text.flags) {
        switch (flag) {
            case 'i':
                options ^= PCRE2_CASELESS;
                break;
            case 'm':
                options ^= PCRE2_MULTILINE;
                break;
            case 's':
                options ^= PCRE2_DOTALL;
                break;
            case 'x':
                options ^= PCRE2_EXTENDED;
                break;
            case 'A':
                options ^= PCRE2_ANCHORED;
                break;
            case 'E':
                options ^= PCRE2_DOLLAR_ENDONLY;
                break;
            case 'U':
                options ^= PCRE2_UNGREEDY;
                break;
            case 'X':  // obsolete, and without effect
                break;
            default:
                throw std::invalid_argument("there is no flag '" +
                                            text::EscapedForLog(std::string(1, flag)) +
                                            "' in pcre: tables");
        }
    }
    return options;
}

std::string MessageOf(int error) {
    PCRE2_UCHAR text[256];
    const int length = pcre2_get_error_message(error, text, sizeof(text));
    if (length < 0) return "PCRE2 error " + std::to_string(error);
    return std::string(reinterpret_cast<const char*>(text), static_cast<std::size_t>(length));
}

template <typename T>
T* Made(T* made) {
    if (made == nullptr) throw std::bad_alloc();
    return made;
}

}  // namespace

void PerlPattern::Free::operator()(pcre2_code* code) const noexcept {
    pcre2_code_free(code);
}

void PerlPattern::Free::operator()(pcre2_match_data* data) const noexcept {
    pcre2_match_data_free(data);
}

void PerlPattern::Free::operator()(pcre2_match_context* context) const noexcept {
    pcre2_match_context_free(context);
}

PerlPattern::PerlPattern(const PatternText& text) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    compiled_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.expression.c_str()),
                                  PCRE2_ZERO_TERMINATED, OptionsFrom(text), &error, &offset,
                                  nullptr));
    if (!compiled_)
        throw std::invalid_argument(MessageOf(error) + ", at character " +
                                    std::to_string(offset + 1) + " of the expression");
    match_.reset(Made(pcre2_match_data_create_from_pattern(compiled_.get(), nullptr)));
    limits_.reset(Made(pcre2_match_context_create(nullptr)));
}

std::size_t PerlPattern::Groups() const {
    std::uint32_t groups = 0;
    pcre2_pattern_info(compiled_.get(), PCRE2_INFO_CAPTURECOUNT, &groups);
    return groups;
}

bool PerlPattern::Matches(const std::string& key) {
    pcre2_set_match_limit(limits_.get(), MostStepsFromEach(key.size()));
    const int matches = pcre2_match(compiled_.get(), reinterpret_cast<PCRE2_SPTR>(key.data()),
                                    key.size(), 0, 0, match_.get(), limits_.get());
    if (matches < 0 && matches != PCRE2_ERROR_NOMATCH) throw MatchFailure(MessageOf(matches));
    return matches >= 0;
}

std::string_view PerlPattern::Group(std::size_t n, const std::string& key) const {
    const PCRE2_SIZE* places = pcre2_get_ovector_pointer(match_.get());
    const PCRE2_SIZE begin = places[2 * n];
    if (begin == PCRE2_UNSET) return {};
    return std::string_view(key).substr(begin, places[2 * n + 1] - begin);
}

}  // namespace policyd::tables
