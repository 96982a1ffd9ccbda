#include "policyd/server/process_metrics.hpp"

#include <malloc.h>

#include <chrono>

#include "common/log/logging.hpp"

namespace policyd::server {

namespace {

double SecondsSinceEpoch() {
    const std::chrono::duration<double> since = std::chrono::system_clock::now().time_since_epoch();
    return since.count();
}

/// Of all threads.
double HeapInUse() {
    const struct mallinfo2 heap = mallinfo2();
    return static_cast<double>(heap.uordblks + heap.hblkhd);
}

}  // namespace

using metrics::Metric;

ProcessMetrics::ProcessMetrics(const services::SharedState& shared)
    : build_(Metric::kBuildInfo, {POLICYD_VERSION}, [] { return 1.0; }),
      start_(Metric::kStartTime, {}, [began = SecondsSinceEpoch()] { return began; }),
      tracked_(Metric::kTrackedMessages, {},
               [&shared] { return static_cast<double>(shared.messages.Size()); }),
      owed_(Metric::kOwedChanges, {},
            [&shared] { return static_cast<double>(shared.owed.Size()); }),
      lines_lost_(Metric::kLogLinesLost, {}, [] { return static_cast<double>(log::LinesLost()); }),
      heap_(Metric::kHeap, {}, HeapInUse) {}

}  // namespace policyd::server
