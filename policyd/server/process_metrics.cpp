#include "policyd/server/process_metrics.hpp"

#include <malloc.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "common/log/logging.hpp"

/// Of jemalloc (jemalloc(3)), where the program is linked with it.
extern "C" [[gnu::weak]] int mallctl(const char* name, void* old_value, std::size_t* old_size,
                                     void* new_value, std::size_t new_size);

namespace policyd::server {

namespace {

double SecondsSinceEpoch() {
    const std::chrono::duration<double> since = std::chrono::system_clock::now().time_since_epoch();
    return since.count();
}

/// Of all threads, by whichever allocator the program is linked with.
double HeapInUse() {
    if (mallctl != nullptr) {
        std::uint64_t epoch = 1;  // has the statistics brought up to date
        std::size_t in_use = 0;
        std::size_t size = sizeof in_use;
        mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch);
        if (mallctl("stats.allocated", &in_use, &size, nullptr, 0) == 0)
            return static_cast<double>(in_use);
    }
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
