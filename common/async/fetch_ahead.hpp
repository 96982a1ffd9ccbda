#pragma once

#include <cstddef>

namespace policyd::async {

/// Has the processor fetch the beginning of an object, or of an array, from memory for who reads it
/// a little later. Does not wait; any address will do.
inline void FetchAhead(const void* object) noexcept {
    constexpr std::size_t kCacheLine = 64;
    const auto* const bytes = static_cast<const char*>(object);
    __builtin_prefetch(bytes);
    __builtin_prefetch(bytes + kCacheLine);
}

/// What is fetched ahead of a look-up. Where the entry is stands in its place: that goes first, and
/// the entry once the place has had time to come.
enum class Ahead { kPlace, kEntry };

}  // namespace policyd::async
