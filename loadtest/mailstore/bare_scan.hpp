#pragma once

#include <cstdint>
#include <string>

namespace policyd::loadtest::mailstore {

/// The yardstick for scanners: nothing but the system calls without which no scan can do, for the
/// directories of mailboxes and their `new` and `cur`, one after the other in one thread.
struct BareScan {
    std::uint64_t directories = 0;
    std::uint64_t asked = 0;  ///< files whose names do not tell their size
    double looks = 0;         ///< CPU seconds for one statx a directory
    double readings = 0;      ///< for opening, statx, reading to the end, and asking files
    double names_only = 0;    ///< for the same without asking files
};

BareScan ScanBarely(const std::string& root);

}  // namespace policyd::loadtest::mailstore
