#include "common/metrics/latency_histogram.hpp"

#include <algorithm>

namespace policyd::metrics {

void LatencyHistogram::Record(Clock::duration time) const {
    using std::chrono::duration_cast;
    const auto nanoseconds = duration_cast<std::chrono::nanoseconds>(time).count();
    const auto microseconds = std::chrono::ceil<std::chrono::microseconds>(time).count();
    const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), microseconds);
    cells::Add(first_ + static_cast<std::size_t>(bucket - kBounds.begin()), 1);
    cells::Add(first_ + kCells - 1, nanoseconds);
}

}  // namespace policyd::metrics
