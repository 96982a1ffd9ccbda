#include "policyd/server/descriptor_limit.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "common/log/logging.hpp"

namespace policyd::server {

std::uint64_t MakeRoomForConnections(std::uint64_t connections, std::uint64_t others) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return connections;
    const std::uint64_t wanted = connections + others;
    if (limit.rlim_cur < wanted) {
        rlimit raised = limit;
        raised.rlim_cur = std::min<std::uint64_t>(wanted, limit.rlim_max);
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    if (limit.rlim_cur >= wanted) return connections;
    if (limit.rlim_cur <= others)
        throw std::system_error(EMFILE, std::generic_category(),
                                fmt::format("{} descriptors leave none for connections, {} are "
                                            "needed besides: raise the limit of open files",
                                            limit.rlim_cur, others));
    const std::uint64_t room = limit.rlim_cur - others;
    log::Warning("too few descriptors: {} connections instead of {}; raise the limit of open files",
                 room, connections);
    return room;
}

}  // namespace policyd::server
