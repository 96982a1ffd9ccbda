#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace policyd::loadtest {

/// Counts latencies in buckets that are at most 0.8 % wide, from a nanosecond to 18 minutes (what
/// is longer counts as that). Adding one costs a few instructions and no memory.
class LatencyHistogram {
public:
    using Duration = std::chrono::nanoseconds;

    /// A point of the distribution: this share of all latencies was at most `latency`.
    struct Point {
        double percent;
        Duration latency;
    };

    LatencyHistogram();

    void Add(Duration latency);
    void Merge(const LatencyHistogram& other);
    void Clear();

    std::uint64_t Count() const noexcept { return count_; }
    /// Exact; zero while nothing was counted, like the others.
    Duration Max() const noexcept { return max_; }
    Duration Mean() const;
    /// The upper bound of the bucket in which the latency lies that `percent` (0 to 100) of all do
    /// not exceed, and never more than Max().
    Duration Percentile(double percent) const;
    /// One point for each bucket that is not empty, for drawing.
    std::vector<Point> Distribution() const;

private:
    std::vector<std::uint64_t> buckets_;
    std::uint64_t count_ = 0;
    Duration sum_{0};
    Duration max_{0};
};

}  // namespace policyd::loadtest
