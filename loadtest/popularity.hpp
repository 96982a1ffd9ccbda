#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "loadtest/random.hpp"

namespace policyd::loadtest {

/// How often each of `count` things is chosen: all alike, or by Zipf's law, where the first is the
/// most popular and the one at place k is chosen in proportion to 1 / k^exponent.
class Popularity {
public:
    /// An exponent of 0 is the uniform choice. Zipf takes 8 bytes for each thing.
    Popularity(std::size_t count, double exponent);

    /// From 0 to count - 1.
    std::size_t Choose(Random& random) const;

private:
    std::size_t count_;
    std::vector<double> cumulative_;  // empty: uniform; otherwise rising to 1
};

/// "uniform" (0), "zipf" (1) or "zipf:EXPONENT". Throws std::invalid_argument.
double ParsePopularity(std::string_view text);

}  // namespace policyd::loadtest
