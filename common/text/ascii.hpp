#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::text {

/// Letters, digits and blanks as ASCII has them, whatever the locale.
constexpr char ToLower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr bool IsDigit(char c) {
    return c >= '0' && c <= '9';
}
constexpr bool IsLetterOrDigit(char c) {
    return IsDigit(c) || (ToLower(c) >= 'a' && ToLower(c) <= 'z');
}
constexpr bool IsBlank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

std::string ToLower(std::string_view text);
bool IsAscii(std::string_view text);
/// ASCII without upper-case letters: case folding leaves it as it is.
bool IsFoldedAscii(std::string_view text);
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

std::string_view Trim(std::string_view text);

/// The non-empty parts of `text` between any of the `separators`, as Postfix splits lists.
std::vector<std::string_view> SplitAtAny(std::string_view text, std::string_view separators);

/// The value of a text that consists of decimal digits alone; nothing if it does not, or overflows.
std::optional<std::uint64_t> ParseUnsigned(std::string_view digits);

}  // namespace policyd::text
