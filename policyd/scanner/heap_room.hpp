#pragma once

#include <cstddef>

namespace policyd::scanner {

/// Before so many bytes are taken in small pieces: lets the heap have them in large pages, where
/// the kernel has such. The first touch of each page costs more than what is then written to it,
/// which would be most of the price of reading a state. Where it is not possible, nothing is lost.
void MakeRoomInHeap(std::size_t bytes);

}  // namespace policyd::scanner
