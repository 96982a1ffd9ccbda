#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace policyd::services {

/// Runs a command of the site, once for each time that it is asked to and one after the other, on a
/// thread of its own. It has a time limit, after which it is killed with all that it has started,
/// and there is a pause between two starts. Of too many runs that wait, further ones are dropped
/// and counted.
///
/// Every call may be made by any thread.
class CommandRunner {
public:
    using Milliseconds = std::chrono::milliseconds;

    struct Command {
        std::string program;  ///< its path; empty: nothing runs
        Milliseconds time_limit{30'000};
        Milliseconds pause{0};  ///< from a start to the next
    };
    using Arguments = std::vector<std::string>;

    explicit CommandRunner(std::size_t most_waiting = 10'000);
    /// Drops what waits, and says so. A command that runs is left to itself: nobody ends it when
    /// its time is over.
    ~CommandRunner();
    CommandRunner(const CommandRunner&) = delete;
    CommandRunner& operator=(const CommandRunner&) = delete;

    /// What runs from now on, also for what waits: that is dropped where nothing is to run any
    /// more.
    void Use(Command command);

    /// A run, and what whoever wants it may leave with it for when it is taken back.
    struct Wanted {
        Arguments arguments;
        std::uint64_t mark = 0;
    };
    /// Not with arguments that are not printable, with which scripts write what they do not mean:
    /// such a run is dropped, and told of.
    void Run(Wanted wanted);
    /// To be called now and then: has what waits run that could get no thread.
    void Tend();

    /// So many of those that wait, the last first, which wait no more.
    std::vector<Wanted> TakeWaiting(std::size_t most);
    bool HasWaiting();
    /// Says and counts that so many are given up.
    void Drop(std::size_t count);

private:
    void Serve();
    void Execute(const Command& command, Arguments arguments) const;
    /// Whether the process has ended in time, or the program is to end.
    bool AwaitEnd(pid_t child, int process, Milliseconds time_limit) const;
    /// Needs the lock. Does without where there can be no more threads.
    void HaveThread();

    const std::size_t most_waiting_;
    const int stop_event_;  // readable once the program is to end
    std::mutex mutex_;
    std::condition_variable changed_;
    Command command_;             // guarded by mutex_
    std::deque<Wanted> waiting_;  // guarded by mutex_
    bool stopping_ = false;       // guarded by mutex_
    std::thread thread_;          // guarded by mutex_; runs from the first call on
    bool has_told_ = false;       // guarded by mutex_; that there can be no thread
};

}  // namespace policyd::services
