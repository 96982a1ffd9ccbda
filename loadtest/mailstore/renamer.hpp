#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace policyd::loadtest::mailstore {

/// Does in these Maildirs what mail clients do, as fast as the kernel allows: changes the flags of
/// messages in `cur`, and in each turn moves one more of each `new` there. Never adds or removes a
/// message. Until SIGTERM; returns how many renames that were.
std::uint64_t RenameUntilTerminated(const std::vector<std::string>& maildirs);

}  // namespace policyd::loadtest::mailstore
