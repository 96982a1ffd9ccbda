#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace policyd::text {

/// A set of bytes. To ask for one costs one look at memory, not a search.
class ByteSet {
public:
    constexpr explicit ByteSet(std::string_view bytes) {
        for (const char byte : bytes) has_[Index(byte)] = true;
    }

    /// The same with all from `first` to `last`.
    constexpr ByteSet With(unsigned char first, unsigned char last) const {
        ByteSet more = *this;
        std::fill(more.has_.begin() + first, more.has_.begin() + last + 1, true);
        return more;
    }

    constexpr bool Has(char byte) const { return has_[Index(byte)]; }

    constexpr bool HasAllOf(std::string_view text) const {
        return std::all_of(text.begin(), text.end(), [this](char byte) { return Has(byte); });
    }
    constexpr bool HasAnyOf(std::string_view text) const {
        return std::any_of(text.begin(), text.end(), [this](char byte) { return Has(byte); });
    }

private:
    static constexpr std::size_t Index(char byte) { return static_cast<unsigned char>(byte); }

    std::array<bool, 256> has_{};
};

}  // namespace policyd::text
