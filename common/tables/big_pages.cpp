#include "common/tables/big_pages.hpp"

#include <sys/mman.h>

#include <cstdint>

namespace policyd::tables {

void PreferBigPages(const void* memory, std::size_t size) {
    constexpr std::uintptr_t kBigPage = std::uintptr_t{2} << 20;
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t begin = (address + kBigPage - 1) & ~(kBigPage - 1);
    const std::uintptr_t end = (address + size) & ~(kBigPage - 1);
    // Where it cannot, small pages do as well.
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

}  // namespace policyd::tables
