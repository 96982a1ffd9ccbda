#pragma once

#include <cstdint>
#include <vector>

namespace policyd::loadtest {

/// What processes have used so far, as /proc has it.
struct ProcessUsage {
    double cpu_s = 0;       ///< user and system time
    std::uint64_t rss = 0;  ///< bytes in memory, shared pages in every process that has them
    std::uint64_t pss = 0;  ///< bytes in memory, shared pages divided; 0 if we may not know
    std::uint64_t processes = 0;
};

/// The sum over `pids` and all processes that descend from them. The CPU time of descendants that
/// ended stays in it where their parent has waited for them. Throws std::runtime_error, naming the
/// process, if one of `pids` does not run.
ProcessUsage UsageOf(const std::vector<int>& pids);

/// The CPU time of all processes on this machine, and of this one.
struct MachineUsage {
    double busy_s = 0;
    double own_s = 0;
};
MachineUsage UsageOfMachine();

}  // namespace policyd::loadtest
