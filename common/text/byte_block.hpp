#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace policyd::text {

/// Up to 64 bytes of a text that are searched at one time: bit i of an answer is for byte i.
class ByteBlock {
public:
    static constexpr std::size_t kSize = 64;

    /// The bytes of `text` from `from` on, which is less than its size. Those of a whole block are
    /// not copied: they stay where they are meanwhile.
    ByteBlock(std::string_view text, std::size_t from) : bytes_(text.data() + from) {
        const std::size_t size = text.size() - from;
        if (size >= kSize) return;
        std::memcpy(rest_, bytes_, size);
        bytes_ = rest_;
        used_ = (std::uint64_t{1} << size) - 1;
    }
    ByteBlock(const ByteBlock&) = delete;
    ByteBlock& operator=(const ByteBlock&) = delete;

    /// Where `byte` is.
    std::uint64_t Find(char byte) const noexcept { return Find(byte, byte); }

    /// Where one of the two is.
    std::uint64_t Find(char one, char other) const noexcept {
#if defined(__SSE2__)
        const __m128i ones = _mm_set1_epi8(one);
        const __m128i others = _mm_set1_epi8(other);
        const auto in_quarter = [&](std::size_t i) {
            const auto* const place = reinterpret_cast<const __m128i*>(bytes_ + 16 * i);
            const __m128i quarter = _mm_loadu_si128(place);
            const __m128i equal =
                _mm_or_si128(_mm_cmpeq_epi8(quarter, ones), _mm_cmpeq_epi8(quarter, others));
            return std::uint64_t{static_cast<std::uint16_t>(_mm_movemask_epi8(equal))} << (16 * i);
        };
        return (in_quarter(0) | in_quarter(1) | in_quarter(2) | in_quarter(3)) & used_;
#else
        std::uint64_t found = 0;
        for (std::size_t i = 0; i < kSize; ++i)
            found |= std::uint64_t{bytes_[i] == one || bytes_[i] == other} << i;
        return found & used_;
#endif
    }

private:
    const char* bytes_;
    std::uint64_t used_ = ~std::uint64_t{0};
    char rest_[kSize];
};

}  // namespace policyd::text
