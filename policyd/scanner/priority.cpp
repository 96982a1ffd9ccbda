#include "policyd/scanner/priority.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/log/logging.hpp"

namespace policyd::scanner {

namespace {

// As in ioprio_set(2). The kernel's header for them is no C++ in some of its versions.
constexpr int kWhoProcess = 1;
constexpr int kClassShift = 13;
constexpr int kLowestOfBestEffort = 2 << kClassShift | 7;
constexpr int kIdle = 3 << kClassShift;

}  // namespace

void LowerPriority(int nice, std::string_view io_priority) {
    // From a nice value that is higher already, nobody goes back.
    if (nice > getpriority(PRIO_PROCESS, 0) && setpriority(PRIO_PROCESS, 0, nice) != 0)
        log::Warning("priority: nice {}: {}", nice, std::strerror(errno));
    if (io_priority == "normal") return;
    const int priority = io_priority == "idle" ? kIdle : kLowestOfBestEffort;
    if (syscall(SYS_ioprio_set, kWhoProcess, 0, priority) != 0)
        log::Warning("priority: disk accesses: {}", std::strerror(errno));
}

}  // namespace policyd::scanner
