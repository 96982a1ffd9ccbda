#pragma once

#include <cstddef>

namespace policyd::async {

/// Memory for the frames of coroutines. They come and go by the dozen with every request: each
/// thread keeps some that are free, by their size, and gives them out again without asking
/// anybody. Under a sanitizer they come from the heap, so that it sees all mistakes. Any thread.
void* AllocateFrame(std::size_t size);
void FreeFrame(void* frame, std::size_t size) noexcept;

}  // namespace policyd::async
