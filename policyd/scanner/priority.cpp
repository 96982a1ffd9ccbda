#include "policyd/scanner/priority.hpp"

#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/log/logging.hpp"

namespace policyd::scanner {

void LowerPriority(int nice, std::string_view io_priority) {
    // From a nice value that is higher already, nobody goes back.
    if (nice > getpriority(PRIO_PROCESS, 0) && setpriority(PRIO_PROCESS, 0, nice) != 0)
        log::Warning("priority: nice {}: {}", nice, std::strerror(errno));
    if (io_priority == "normal") return;
    constexpr int kLowestLevel = 7;
    const int priority = io_priority == "idle" ? IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)
                                               : IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, kLowestLevel);
    if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, priority) != 0)
        log::Warning("priority: disk accesses: {}", std::strerror(errno));
}

}  // namespace policyd::scanner
