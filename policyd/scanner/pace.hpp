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
        go_on_.wait_until(lock, now + pause, [this] { return stopped_ || in_haste_; });
        return Clock::now() - now;
    }

    /// The same for work that cannot wait: what comes after it does, though not for long, or much
    /// of such work would leave no time for anything else.
    void SpendAtOnce(std::uint64_t work) {
        if (most_per_second_ == 0) return;
        const std::lock_guard lock(mutex_);
        const auto now = Clock::now();
        const auto before = next_;
        PauseAfter(work, now);
        next_ = std::max(before, std::min(next_, now + kMostOwed));
    }

    /// While something that cannot wait has no thread, none waits.
    void Hurry(bool in_haste) {
        if (most_per_second_ == 0) return;
        const std::lock_guard lock(mutex_);
        in_haste_ = in_haste;
        if (in_haste) go_on_.notify_all();
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
        go_on_.notify_all();
    }

private:
    static constexpr std::chrono::milliseconds kSlice{20};
    static constexpr std::chrono::seconds kMostOwed{1};

    const std::uint64_t most_per_second_;
    std::mutex mutex_;
    std::condition_variable go_on_;
    Clock::time_point next_{};  // when the work so far is due; guarded by mutex_
    bool stopped_ = false;      // guarded by mutex_
    bool in_haste_ = false;     // guarded by mutex_
};

}  // namespace policyd::scanner
