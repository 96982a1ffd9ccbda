#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace policyd::scanner {

/// Holds the measuring threads to a rate, all of them together, and wakes them when it is time to
/// stop. Used by any number of threads.
class Pace {
public:
    using Clock = std::chrono::steady_clock;

    /// `most_per_second` directories and entries; 0 is no limit.
    explicit Pace(std::uint64_t most_per_second) : most_per_second_(most_per_second) {}

    /// Called after so much work: returns when it is time for more, or something cannot wait, and
    /// how long that was.
    std::chrono::nanoseconds Spend(std::uint64_t work) {
        if (most_per_second_ == 0) return {};
        std::unique_lock lock(mutex_);
        const auto now = Clock::now();
        const auto pause = PauseAfter(work, now);
        if (pause <= pause.zero()) return {};
        interrupted_.wait_until(lock, now + pause, [this, before = interruptions_] {
            return stopped_ || interruptions_ != before;
        });
        return Clock::now() - now;
    }

    /// The same for work that cannot wait: what comes after it does.
    void SpendAtOnce(std::uint64_t work) {
        if (most_per_second_ == 0) return;
        const std::lock_guard lock(mutex_);
        PauseAfter(work, Clock::now());
    }

    /// There is work that cannot wait: whoever waits now goes on, and waits longer the next time.
    void Interrupt() {
        const std::lock_guard lock(mutex_);
        ++interruptions_;
        interrupted_.notify_all();
    }

    /// How long Spend() waits at `now`: nothing until the work is ahead of the rate by more than a
    /// slice, since a short sleep takes longer than it should. As much is made up for where a sleep
    /// did take longer; other time that was not used is not.
    std::chrono::nanoseconds PauseAfter(std::uint64_t work, Clock::time_point now) {
        next_ = std::max(next_, now - kSlice);
        next_ += std::chrono::nanoseconds(work * 1'000'000'000 / most_per_second_);
        return next_ > now + kSlice ? next_ - now : std::chrono::nanoseconds(0);
    }

    /// Nobody waits any more.
    void Stop() {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        interrupted_.notify_all();
    }

private:
    static constexpr std::chrono::milliseconds kSlice{20};

    const std::uint64_t most_per_second_;
    std::mutex mutex_;
    std::condition_variable interrupted_;
    Clock::time_point next_{};    // when the work so far is due; guarded by mutex_
    bool stopped_ = false;        // guarded by mutex_
    unsigned interruptions_ = 0;  // guarded by mutex_
};

}  // namespace policyd::scanner
