#pragma once

#include <chrono>
#include <functional>

namespace policyd::text {

/// Wall-clock time in milliseconds, as usage records carry it.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// Where the time comes from. Passed in wherever a decision depends on it, so that tests need no
/// sleeping and can make it jump.
using WallClock = std::function<WallTime()>;

inline WallTime SystemWallTime() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace policyd::text
