#pragma once

#include <cstdint>
#include <limits>

namespace policyd::checks {

inline constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

/// a + b, or the largest number there is.
inline std::uint64_t Sum(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? kLargest : sum;
}

/// a * b, or the largest number there is.
inline std::uint64_t Product(std::uint64_t a, std::uint64_t b) {
    std::uint64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? kLargest : product;
}

/// a - b, or 0.
inline std::uint64_t Difference(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : 0;
}

}  // namespace policyd::checks
