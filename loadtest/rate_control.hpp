#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "loadtest/arrivals.hpp"
#include "loadtest/precise_timer.hpp"

namespace policyd::loadtest {

/// Says to each connection when its next request is due, until the run is over.
///
/// Closed loop: at once, whenever a connection asks. Open loop: requests become due at the times
/// that Arrivals gives, and the connection that has waited longest takes the next one. While all
/// are busy, what is due stays due: the time that it waits is part of its latency, so that a
/// server cannot look better by being too slow to be asked. Loop thread.
class RateControl {
public:
    class Turn;

    /// `arrivals` is null for a closed loop. `most_requests` of 0 is no limit.
    RateControl(uv_loop_t* loop, std::unique_ptr<Arrivals> arrivals, std::uint64_t most_requests);
    RateControl(const RateControl&) = delete;
    RateControl& operator=(const RateControl&) = delete;

    /// Before the first Next().
    void Start();
    /// Whoever waits, and whoever asks from now on, hears that the run is over.
    void Stop();

    /// `co_await control.Next()`: the time at which the request that the caller now sends was due;
    /// nothing once the run is over.
    Turn Next() noexcept;

    /// Requests that were due when the run was stopped, and that nobody was free to send.
    std::uint64_t Overdue() const noexcept { return overdue_; }

private:
    bool TakeDue(std::optional<Time>& due);
    void HandOut();
    void AimAtNext();

    const std::unique_ptr<Arrivals> arrivals_;
    const std::uint64_t most_requests_;
    std::uint64_t taken_ = 0;
    std::uint64_t overdue_ = 0;
    bool has_started_ = false;
    bool stopped_ = false;
    Time start_{};
    Time next_due_{};
    std::deque<Turn*> waiting_;  // in the order in which they came
    PreciseTimer timer_;
};

class [[nodiscard]] RateControl::Turn {
public:
    explicit Turn(RateControl& control) noexcept : control_(control) {}
    Turn(const Turn&) = delete;

    bool await_ready() { return control_.TakeDue(due_); }
    void await_suspend(std::coroutine_handle<> waiter) {
        waiter_ = waiter;
        control_.waiting_.push_back(this);
        if (control_.waiting_.size() == 1) control_.AimAtNext();
    }
    std::optional<Time> await_resume() const noexcept { return due_; }

private:
    friend class RateControl;

    RateControl& control_;
    std::optional<Time> due_;
    std::coroutine_handle<> waiter_;
};

inline RateControl::Turn RateControl::Next() noexcept {
    return Turn(*this);
}

}  // namespace policyd::loadtest
