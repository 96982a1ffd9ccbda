#include "policyd/scanner/heap_room.hpp"

#include <malloc.h>
#include <sys/mman.h>

#include <climits>
#include <cstdint>
#include <cstdlib>

namespace policyd::scanner {

void MakeRoomInHeap(std::size_t bytes) {
    constexpr std::size_t kPage = 4096;
    constexpr std::size_t kLargePage = 2 << 20;
    constexpr int kUsualThreshold = 128 << 10;
    if (bytes < kLargePage) return;
    // One piece of the heap, which keeps it when it is given back: not a mapping of its own.
    mallopt(M_MMAP_THRESHOLD, INT_MAX);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    const std::size_t size = bytes + 2 * kLargePage;  // large pages begin at multiples of theirs
    if (void* const room = std::malloc(size)) {
        const auto begin = (reinterpret_cast<std::uintptr_t>(room) + kPage - 1) / kPage * kPage;
        madvise(reinterpret_cast<void*>(begin), size / kPage * kPage - kPage, MADV_HUGEPAGE);
        std::free(room);
    }
    mallopt(M_MMAP_THRESHOLD, kUsualThreshold);
    mallopt(M_TRIM_THRESHOLD, kUsualThreshold);
}

}  // namespace policyd::scanner
