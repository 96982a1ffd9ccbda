#include "loadtest/latency_histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace policyd::loadtest {

namespace {

// Values below 2^(kBits + 1) have a bucket each; above, every power of two is divided in 2^kBits.
constexpr unsigned kBits = 7;
constexpr unsigned kLargestPower = 40;
constexpr std::uint64_t kLargest = (std::uint64_t{1} << kLargestPower) - 1;

std::size_t BucketOf(std::uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    const unsigned shift = width > kBits + 1 ? width - (kBits + 1) : 0;
    return (std::size_t{shift} << kBits) + (value >> shift);
}

std::uint64_t UpperBound(std::size_t bucket) {
    const std::size_t power = bucket >> kBits;
    if (power < 2) return bucket;
    const std::uint64_t shift = power - 1;
    const std::uint64_t leading = bucket - (shift << kBits);
    return ((leading + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(BucketOf(kLargest) + 1) {}

void LatencyHistogram::Add(Duration latency) {
    const std::int64_t value = std::max<std::int64_t>(latency.count(), 0);
    ++buckets_[BucketOf(std::min(static_cast<std::uint64_t>(value), kLargest))];
    ++count_;
    sum_ += Duration(value);
    max_ = std::max(max_, Duration(value));
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
}

void LatencyHistogram::Clear() {
    std::fill(buckets_.begin(), buckets_.end(), 0);
    count_ = 0;
    sum_ = max_ = Duration(0);
}

LatencyHistogram::Duration LatencyHistogram::Mean() const {
    return count_ == 0 ? Duration(0) : sum_ / static_cast<std::int64_t>(count_);
}

LatencyHistogram::Duration LatencyHistogram::Percentile(double percent) const {
    const double share = std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(count_);
    const auto wanted = std::max<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(share)), 1);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += buckets_[i];
        if (seen >= wanted)
            return std::min(Duration(static_cast<std::int64_t>(UpperBound(i))), max_);
    }
    return max_;
}

std::vector<LatencyHistogram::Point> LatencyHistogram::Distribution() const {
    std::vector<Point> points;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        if (buckets_[i] == 0) continue;
        seen += buckets_[i];
        const Duration latency = std::min(Duration(static_cast<std::int64_t>(UpperBound(i))), max_);
        points.push_back(
            {100.0 * static_cast<double>(seen) / static_cast<double>(count_), latency});
    }
    return points;
}

}  // namespace policyd::loadtest
