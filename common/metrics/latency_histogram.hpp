#pragma once

#include <array>
#include <chrono>

#include "common/metrics/series.hpp"

namespace policyd::metrics {

/// How long things took, in buckets from 50 microseconds to 10 seconds. Any thread may record.
class LatencyHistogram {
public:
    using Clock = std::chrono::steady_clock;

    /// Upper bounds of the buckets, in microseconds; the bound itself belongs to its bucket. What
    /// takes longer is in one more.
    static constexpr std::array<std::int64_t, 17> kBounds{
        50,     100,     200,     500,     1'000,     2'000,     5'000,     10'000,    20'000,
        50'000, 100'000, 200'000, 500'000, 1'000'000, 2'000'000, 5'000'000, 10'000'000};

    /// The values of its Sample: as many as buckets, then the sum of all times in nanoseconds.
    static constexpr std::size_t kCells = kBounds.size() + 2;

    explicit LatencyHistogram(Metric metric, const Labels& labels = {})
        : first_(CellsOf(metric, labels, kCells)) {}

    void Record(Clock::duration time) const;

private:
    std::size_t first_;
};

}  // namespace policyd::metrics
