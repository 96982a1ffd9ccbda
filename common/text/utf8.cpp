#include "common/text/utf8.hpp"

#include <cstdint>

#include "common/text/ascii.hpp"

namespace policyd::text {

namespace {

/// The length of the well-formed sequence at the start of `text`, 0 if there is none.
std::size_t SequenceLength(std::string_view text) {
    const auto byte = [text](std::size_t i) -> std::uint8_t {
        return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0;
    };
    const auto continues = [byte](std::size_t i, std::uint8_t lowest = 0x80,
                                  std::uint8_t highest = 0xbf) {
        return byte(i) >= lowest && byte(i) <= highest;
    };
    const std::uint8_t first = byte(0);
    if (text.empty()) return 0;
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool second = continues(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
        return second && continues(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool second = continues(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
        return second && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
    if (IsAscii(text)) return true;
    while (!text.empty()) {
        const std::size_t length = SequenceLength(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string EscapedForLog(std::string_view text, std::size_t limit) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string escaped;
    while (!text.empty()) {
        if (escaped.size() >= limit) return escaped + "...";
        const std::size_t length = SequenceLength(text);
        const auto first = static_cast<std::uint8_t>(text[0]);
        const bool control = first < 0x20 || first == 0x7f ||
                             (length == 2 && first == 0xc2 &&
                              static_cast<std::uint8_t>(text[1]) < 0xa0);  // C1 controls
        if (length == 0 || control) {
            escaped += {'\\', 'x', kHex[first >> 4], kHex[first & 15]};
            text.remove_prefix(1);
        } else {
            if (first == '\\') escaped += '\\';
            escaped += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return escaped;
}

}  // namespace policyd::text
