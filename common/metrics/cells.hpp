#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace policyd::metrics {

/// Numbers that many threads add to without getting into each other's way: every thread adds to a
/// copy of its own, and whoever reads sums the copies. What a thread added stays when it ends.
namespace cells {

/// For all series of the process; a histogram takes one for each of its buckets.
inline constexpr std::size_t kMost = 4096;

/// Copies of all cells for one thread, which alone writes them.
using Copy = std::array<std::atomic<std::int64_t>, kMost>;

Copy& OfThisThread();

/// Cells from here on are for series that no longer fit, and belong to all of these: nobody shows
/// them.
inline constexpr std::size_t kMostShown = kMost - 64;

/// The first of `count` new neighbouring cells, all zero; kMostShown where there are no more.
std::size_t Allocate(std::size_t count);

/// What Allocate() gave, and nobody adds to any more.
void GiveBack(std::size_t first, std::size_t count);

inline void Add(std::size_t cell, std::int64_t amount) {
    std::atomic<std::int64_t>& mine = OfThisThread()[cell];
    mine.store(mine.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

/// The sum over all threads, as of about now.
std::int64_t Sum(std::size_t cell);

}  // namespace cells
}  // namespace policyd::metrics
