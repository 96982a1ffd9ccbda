#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace policyd::services {

/// Runs commands of the site one after the other, on a thread of its own. Each has a time limit,
/// after which it is killed with all that it has started, and there is a pause between the starts
/// of two. Of too many that wait, further ones are dropped and counted.
///
/// Every call may be made by any thread.
class CommandRunner {
public:
    using Milliseconds = std::chrono::milliseconds;

    struct Job {
        std::vector<std::string> words;  ///< the program's path, and its arguments
        Milliseconds time_limit{30'000};
        Milliseconds pause{0};  ///< from its start to that of the next one
    };

    explicit CommandRunner(std::size_t most_waiting = 10'000);
    /// Drops what waits. A command that runs is left to itself.
    ~CommandRunner();
    CommandRunner(const CommandRunner&) = delete;
    CommandRunner& operator=(const CommandRunner&) = delete;

    void Run(Job job);

private:
    void Serve();
    void Execute(const Job& job) const;
    /// Whether the process has ended in time, or the program is to end.
    bool AwaitEnd(pid_t child, int process, Milliseconds time_limit) const;
    /// Needs the lock. False where there can be no more threads.
    bool HasThread();

    const std::size_t most_waiting_;
    const int stop_event_;  // readable once the program is to end
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> waiting_;  // guarded by mutex_
    bool stopping_ = false;    // guarded by mutex_
    std::thread thread_;       // guarded by mutex_; runs from the first job on
};

}  // namespace policyd::services
