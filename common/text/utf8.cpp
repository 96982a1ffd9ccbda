#include "common/text/utf8.hpp"

#include <algorithm>
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

/// The character of a well-formed sequence.
char32_t CharacterOf(std::string_view sequence) {
    constexpr char32_t kOfFirst[] = {0, 0x7f, 0x1f, 0x0f, 0x07};  // by the length
    char32_t character = static_cast<std::uint8_t>(sequence[0]) & kOfFirst[sequence.size()];
    for (const char byte : sequence.substr(1))
        character = character << 6 | (static_cast<std::uint8_t>(byte) & 0x3f);
    return character;
}

/// What forges a line where it is shown: control characters, and of Unicode the ends of lines and
/// what turns the order of letters.
bool IsControl(char32_t character) {
    const auto lies = [character](char32_t lowest, char32_t highest) {
        return character >= lowest && character <= highest;
    };
    return lies(0x00, 0x1f) || lies(0x7f, 0x9f) || character == 0x061c || lies(0x200e, 0x200f) ||
           lies(0x2028, 0x202e) || lies(0x2066, 0x2069);
}

/// What looks like a blank or like nothing, and is a part of the word that it stands in: a
/// no-break space, a byte order mark.
bool IsUnseen(char32_t character) {
    return character == 0xa0 || character == 0x200b || character == 0x2060 || character == 0xfeff;
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

bool IsPrintable(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = SequenceLength(text);
        if (length == 0 || IsControl(CharacterOf(text.substr(0, length)))) return false;
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
        const char32_t character = length == 0 ? 0 : CharacterOf(text.substr(0, length));
        if (IsControl(character) || IsUnseen(character)) {
            for (const char c : text.substr(0, std::max<std::size_t>(length, 1))) {
                const auto byte = static_cast<std::uint8_t>(c);
                escaped += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
            }
        } else {
            if (text[0] == '\\') escaped += '\\';
            escaped += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return escaped;
}

}  // namespace policyd::text
