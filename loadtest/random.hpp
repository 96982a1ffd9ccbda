#pragma once

#include <cstdint>
#include <limits>

namespace policyd::loadtest {

/// SplitMix64: the same numbers for the same seed on every machine, in eight bytes.
class Random {
public:
    using result_type = std::uint64_t;

    explicit Random(std::uint64_t seed) : state_(seed) {}

    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

    result_type operator()() {
        std::uint64_t bits = state_ += 0x9e3779b97f4a7c15;
        bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
        bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
        return bits ^ (bits >> 31);
    }

    /// From 0 (included) to 1 (not included).
    double Share() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

    /// From 0 to `count` - 1; `count` is at most 2^53.
    std::uint64_t Below(std::uint64_t count) {
        return static_cast<std::uint64_t>(Share() * static_cast<double>(count));
    }

    bool Happens(double percent) { return Share() * 100 < percent; }

private:
    std::uint64_t state_;
};

}  // namespace policyd::loadtest
