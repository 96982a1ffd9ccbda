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

    /// The same for work that cannot wait: what comes after it does, but half the rate is for that
    /// in any case, and it does not wait for long afterwards.
    void SpendAtOnce(std::uint64_t work) {
        if (most_per_second_ == 0) return;
        const std::lock_guard lock(mutex_);
        ChargeAtOnce(work, Clock::now());
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
        next_ = std::max(next_, now - kSlice) + TimeFor(work);
        at_half_ = std::min(std::max(at_half_, now - kSlice) + 2 * TimeFor(work), next_);
        return at_half_ > now + kSlice ? at_half_ - now : std::chrono::nanoseconds(0);
    }

    /// What SpendAtOnce() does at `now`.
    void ChargeAtOnce(std::uint64_t work, Clock::time_point now) {
        const auto due = std::max(next_, now - kSlice) + TimeFor(work);
        next_ = std::max(next_, std::min(due, now + kMostOwed));
    }

    /// Nobody waits any more.
    void Stop() {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        go_on_.notify_all();
    }

private:
    std::chrono::nanoseconds TimeFor(std::uint64_t work) const {
        return std::chrono::nanoseconds(work * 1'000'000'000 / most_per_second_);
    }

    static constexpr std::chrono::milliseconds kSlice{20};
    static constexpr std::chrono::seconds kMostOwed{1};

    const std::uint64_t most_per_second_;
    std::mutex mutex_;
    std::condition_variable go_on_;
    Clock::time_point next_{};     // when the work so far is due; guarded by mutex_
    Clock::time_point at_half_{};  // when that which waits is, at half the rate; guarded by mutex_
    bool stopped_ = false;         // guarded by mutex_
    bool in_haste_ = false;        // guarded by mutex_
};

}  // namespace policyd::scanner
