#include "common/text/ascii.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace policyd::text {

std::string ToLower(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = ToLower(c);
    return lower;
}

bool IsAscii(std::string_view text) {
    constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
    std::uint64_t seen = 0;  // looked at to the end, several bytes at a time
    for (; text.size() >= sizeof seen; text.remove_prefix(sizeof seen)) {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, text.data(), sizeof bytes);
        seen |= bytes;
    }
    for (const char c : text) seen |= static_cast<unsigned char>(c);
    return (seen & kHighBits) == 0;
}

bool IsFoldedAscii(std::string_view text) {
    bool is_folded = true;  // looked at to the end, several bytes at a time
    for (const unsigned char c : text) is_folded &= c < 0x80 && (c < 'A' || c > 'Z');
    return is_folded;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return ToLower(x) == ToLower(y); });
}

std::string_view Trim(std::string_view text) {
    while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
    while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
    return text;
}

std::vector<std::string_view> SplitAtAny(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    for (std::size_t start = text.find_first_not_of(separators); start != std::string_view::npos;) {
        const std::size_t end = std::min(text.find_first_of(separators, start), text.size());
        parts.push_back(text.substr(start, end - start));
        start = text.find_first_not_of(separators, end);
    }
    return parts;
}

std::optional<std::uint64_t> ParseUnsigned(std::string_view digits) {
    std::uint64_t value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || error != std::errc() || stopped != end) return std::nullopt;
    return value;
}

}  // namespace policyd::text
