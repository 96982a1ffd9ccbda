#pragma once

#include <hiredis/hiredis.h>
#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace policyd::loadtest::writes {

using Clock = std::chrono::steady_clock;

struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
};
using Context = std::unique_ptr<redisContext, FreeContext>;

/// Connects to a UNIX socket. Throws std::runtime_error.
Context Connect(const std::string& socket);

/// Reads a mailbox every millisecond, as a policy server with a thousand requests a second does,
/// and writes down how long each reading took, until it is destroyed. It is a process in a session
/// of its own, as a service is: the kernel shares processors out among sessions (sched(7), "The
/// autogroup feature"). To be made before there are threads.
class Reader {
public:
    /// Throws std::system_error.
    Reader(const std::string& socket, const std::vector<std::string>& keys);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// How long readings took that began at `from` or later and before `to`, in microseconds.
    /// Throws std::runtime_error if it does not read any more.
    std::vector<double> Took(Clock::time_point from, Clock::time_point to) const;

private:
    struct Readings;
    struct Unmap {
        void operator()(Readings* readings) const;
    };

    std::unique_ptr<Readings, Unmap> readings_;  // shared with the process
    pid_t process_ = -1;
};

}  // namespace policyd::loadtest::writes
