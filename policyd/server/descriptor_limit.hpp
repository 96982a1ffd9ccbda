#pragma once

#include <cstdint>

namespace policyd::server {

/// Raises the process's limit of open descriptors so that `connections` fit besides `others`, as
/// far as it may, and returns how many connections fit then: at most `connections`. Throws
/// std::system_error where none would.
std::uint64_t MakeRoomForConnections(std::uint64_t connections, std::uint64_t others);

}  // namespace policyd::server
