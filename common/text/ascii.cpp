#include "common/text/ascii.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace policyd::text {

namespace {

/// The same byte eight times.
constexpr std::uint64_t Eight(std::uint64_t byte) {
    return byte * 0x0101'0101'0101'0101;
}

std::uint64_t EightOf(const char* bytes) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes, sizeof eight);
    return eight;
}

/// Whether no eight bytes of the text, shorter ones filled up with zeros, have a high bit in
/// `look(eight)`; which is seen by looking at all of them, as that costs less than to stop.
template <typename Look>
bool NoneHas(std::string_view text, Look look) {
    std::uint64_t seen = 0;
    if (text.size() >= sizeof seen) {
        const char* const last = text.data() + text.size() - sizeof seen;
        for (const char* at = text.data(); at < last; at += sizeof seen) seen |= look(EightOf(at));
        seen |= look(EightOf(last));
    } else {
        std::uint64_t eight = 0;
        for (const char c : text) eight = eight << 8 | static_cast<unsigned char>(c);
        seen = look(eight);
    }
    return (seen & Eight(0x80)) == 0;
}

}  // namespace

std::string ToLower(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = ToLower(c);
    return lower;
}

bool IsAscii(std::string_view text) {
    return NoneHas(text, [](std::uint64_t bytes) { return bytes; });
}

bool IsFoldedAscii(std::string_view text) {
    return NoneHas(text, [](std::uint64_t bytes) {
        const std::uint64_t low = bytes & Eight(0x7f);
        const std::uint64_t from_a = low + Eight(0x80 - 'A');
        const std::uint64_t above_z = low + Eight(0x80 - ('Z' + 1));
        return bytes | (from_a & ~above_z);
    });
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
