#include "loadtest/rate_control.hpp"

#include <utility>

namespace policyd::loadtest {

RateControl::RateControl(uv_loop_t* loop, std::unique_ptr<Arrivals> arrivals,
                         std::uint64_t most_requests)
    : arrivals_(std::move(arrivals)),
      most_requests_(most_requests),
      timer_(loop, [this] { HandOut(); }) {}

void RateControl::Start() {
    start_ = std::chrono::steady_clock::now();
    has_started_ = true;
    if (arrivals_) next_due_ = start_ + arrivals_->Next();
}

void RateControl::Stop() {
    if (std::exchange(stopped_, true)) return;
    const Time now = std::chrono::steady_clock::now();
    const bool all_taken = most_requests_ != 0 && taken_ >= most_requests_;
    // While somebody is free, what has just become due is late for nobody.
    if (arrivals_ && has_started_ && !all_taken && waiting_.empty() && next_due_ <= now)
        overdue_ = 1 + arrivals_->CountUntil(now - start_);
    for (Turn* turn : std::exchange(waiting_, {})) turn->waiter_.resume();
}

/// True if the caller need not wait: a request is due, or the run is over (and `due` is nothing).
bool RateControl::TakeDue(std::optional<Time>& due) {
    if (!stopped_ && most_requests_ != 0 && taken_ >= most_requests_) Stop();
    if (stopped_) return true;
    const Time now = std::chrono::steady_clock::now();
    if (!arrivals_) {
        due = now;
    } else {
        // Those who wait came first; they are woken as soon as the loop turns.
        if (next_due_ > now || !waiting_.empty()) return false;
        due = next_due_;
        next_due_ = start_ + arrivals_->Next();
    }
    ++taken_;
    return true;
}

void RateControl::HandOut() {
    const Time now = std::chrono::steady_clock::now();
    while (!stopped_ && !waiting_.empty() && next_due_ <= now) {
        if (most_requests_ != 0 && taken_ >= most_requests_) return Stop();
        Turn& turn = *waiting_.front();
        waiting_.pop_front();
        turn.due_ = next_due_;
        next_due_ = start_ + arrivals_->Next();
        ++taken_;
        turn.waiter_.resume();
    }
    AimAtNext();
}

void RateControl::AimAtNext() {
    if (!stopped_ && !waiting_.empty()) timer_.Set(next_due_);
}

}  // namespace policyd::loadtest
