#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace policyd::scanner {

/// Holds the measuring threads to a rate, all of them together, and wakes them when it is time to
/// stop. Used by any number of threads.
class Pace {
public:
    /// `most_per_second` directories and entries; 0 is no limit.
    explicit Pace(std::uint64_t most_per_second) : most_per_second_(most_per_second) {}

    /// Called after so much work: returns when it is time for more. At most a second ahead of the
    /// rate, and never behind it: time that was not used is not made up for.
    void Spend(std::uint64_t work) {
        if (most_per_second_ == 0) return;
        std::unique_lock lock(mutex_);
        const auto now = Clock::now();
        if (next_ < now) next_ = now;
        next_ += std::chrono::nanoseconds(work * 1'000'000'000 / most_per_second_);
        stopped_changed_.wait_until(lock, next_, [this] { return stopped_; });
    }

    /// Nobody waits any more.
    void Stop() {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        stopped_changed_.notify_all();
    }

private:
    using Clock = std::chrono::steady_clock;

    const std::uint64_t most_per_second_;
    std::mutex mutex_;
    std::condition_variable stopped_changed_;
    Clock::time_point next_{};  // guarded by mutex_
    bool stopped_ = false;      // guarded by mutex_
};

}  // namespace policyd::scanner
