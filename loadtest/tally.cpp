#include "loadtest/tally.hpp"

namespace policyd::loadtest {

namespace {

constexpr std::size_t kMostExamples = 5;

}  // namespace

void Tally::Count(const Outcome& outcome, Duration latency, bool is_measured) {
    if (outcome.fault != Outcome::Fault::kNone) CountFault(outcome, is_measured && !is_over_);
    if (outcome.is_message) ++messages_;
    message_bytes_ += outcome.accepted_bytes;
    if (!is_measured) return;
    for (const Outcome::Step& step : outcome.steps)
        KindOf(step.kind).Add(step.verdict, step.latency);
    if (outcome.fault == Outcome::Fault::kNoAnswer) return;
    all_.Add(latency);
    if (is_over_) {
        ++late_;
    } else {
        interval_.Add(latency);
    }
    KindOf(outcome.kind).Add(outcome.verdict, latency);
}

Tally::Kind& Tally::KindOf(std::string_view name) {
    const auto known = kinds_.find(name);
    return known != kinds_.end() ? known->second : kinds_[std::string(name)];
}

void Tally::CountFault(const Outcome& outcome, bool is_of_interval) {
    if (is_of_interval) ++faults_of_interval_;
    if (outcome.fault == Outcome::Fault::kNoAnswer) {
        ++no_answer_[outcome.detail];
        return;
    }
    ++(outcome.fault == Outcome::Fault::kMalformed ? malformed_ : unexpected_);
    if (examples_.size() < kMostExamples) examples_.push_back(outcome.detail);
}

void Tally::EndInterval(double lasts_s) {
    Interval interval;
    if (!intervals_.empty())
        interval.begins_s = intervals_.back().begins_s + intervals_.back().lasts_s;
    intervals_.push_back(interval);
    last_interval_.Clear();
    ExtendInterval(lasts_s);
}

void Tally::ExtendInterval(double by_s) {
    last_interval_.Merge(interval_);
    Interval& interval = intervals_.back();
    interval.lasts_s += by_s;
    interval.answered = last_interval_.Count();
    interval.faults += faults_of_interval_;
    interval.p50 = last_interval_.Percentile(50);
    interval.p99 = last_interval_.Percentile(99);
    interval.max = last_interval_.Max();
    interval_.Clear();
    faults_of_interval_ = 0;
}

std::uint64_t Tally::Faults() const noexcept {
    std::uint64_t faults = malformed_ + unexpected_;
    for (const auto& [reason, count] : no_answer_) faults += count;
    return faults;
}

}  // namespace policyd::loadtest
