#pragma once

#include <cstddef>

namespace policyd::tables {

/// Asks the kernel to back this memory with big pages where it can: what is big is then filled with
/// a few faults instead of thousands, and searched with few misses of the processor's page tables.
void PreferBigPages(const void* memory, std::size_t size);

/// Room for `size` elements, or characters, in such memory.
template <typename Container>
void ReserveInBigPages(Container& container, std::size_t size) {
    container.reserve(size);
    PreferBigPages(container.data(), container.capacity() * sizeof(*container.data()));
}

}  // namespace policyd::tables
