#include "policyd/scanner/priority.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "common/log/logging.hpp"

namespace policyd::scanner {

namespace {

// As in ioprio_set(2). The kernel's header for them is no C++ in some of its versions.
constexpr int kWhoProcess = 1;
constexpr int kClassShift = 13;
constexpr int kLowestOfBestEffort = 2 << kClassShift | 7;
constexpr int kIdle = 3 << kClassShift;

/// Of a session that somebody else leads, more than this program would be lowered.
void LowerOwnSession(int nice) {
    if (getsid(0) != getpid()) return;
    const int session = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (session < 0 && errno == ENOENT) return;  // a kernel that knows none
    const std::string value = std::to_string(nice);
    if (session < 0 || write(session, value.data(), value.size()) < 0)
        log::Warning("priority: nice {} for the session: {}", nice, std::strerror(errno));
    if (session >= 0) close(session);
}

}  // namespace

void LowerPriority(int nice, std::string_view io_priority) {
    // From a nice value that is higher already, nobody goes back.
    if (nice > getpriority(PRIO_PROCESS, 0) && setpriority(PRIO_PROCESS, 0, nice) != 0)
        log::Warning("priority: nice {}: {}", nice, std::strerror(errno));
    LowerOwnSession(getpriority(PRIO_PROCESS, 0));
    if (io_priority == "normal") return;
    const int priority = io_priority == "idle" ? kIdle : kLowestOfBestEffort;
    if (syscall(SYS_ioprio_set, kWhoProcess, 0, priority) != 0)
        log::Warning("priority: disk accesses: {}", std::strerror(errno));
}

}  // namespace policyd::scanner
