#pragma once

#include <string_view>

namespace policyd::scanner {

/// Makes way for others: the nice value and, as the option scan_io_priority names it, the disk
/// priority of this thread and of all that it starts. A process that leads a session, as a service
/// does, lowers the session, too: among sessions, nice values of threads do not count (sched(7),
/// "The autogroup feature"). Logs what is not permitted.
void LowerPriority(int nice, std::string_view io_priority);

}  // namespace policyd::scanner
