#pragma once

#include <cstddef>
#include <string>

namespace policyd::text {

/// How much room a string that is used again and again keeps meanwhile.
inline constexpr std::size_t kReusedRoom = 4096;

/// Empties a string. What room it has stays for its next use, but not what one long text needed.
inline void ClearForReuse(std::string& text) {
    if (text.capacity() > kReusedRoom) {
        std::string().swap(text);  // an assignment would keep the room
    } else {
        text.clear();
    }
}

}  // namespace policyd::text
