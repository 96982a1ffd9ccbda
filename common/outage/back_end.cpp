#include "common/outage/back_end.hpp"

#include <mutex>
#include <utility>

#include "common/log/logging.hpp"

namespace policyd::outage {

using metrics::Metric;

namespace {

/// For how long after the last refusal of a write an answer says nothing about writes.
constexpr std::chrono::seconds kRefusalTime{10};

void WarnOnceOfWhatIsNotShown() {
    static std::once_flag warned;
    std::call_once(warned, [] {
        log::Warning(
            "metrics: there are more servers and files than there is room for: /metrics and "
            "/health leave some out");
    });
}

}  // namespace

BackEnd::BackEnd(std::string name, Clock clock, Telling telling)
    : name_(std::move(name)),
      clock_(std::move(clock)),
      log_(CircuitBreaker::kProbePeriod, OutageLog::kMostReasons, telling) {
    if (telling != Telling::kLogAndMetrics) return;
    series_.emplace(name_);
    if (!series_->hold.AreShown()) WarnOnceOfWhatIsNotShown();
}

BackEnd::~BackEnd() {
    if (is_down_ && series_) series_->down.Add(-1);
}

bool BackEnd::MayAsk() {
    const bool may_ask = breaker_.MayAsk(clock_());
    if (!may_ask) NoteSpared();
    return may_ask;
}

void BackEnd::NoteSpared() const {
    if (series_) series_->spared.Add();
}

void BackEnd::NoteState() {
    const bool is_down = breaker_.IsOpen() || clock_() < refuses_until_;
    if (std::exchange(is_down_, is_down) == is_down || !series_) return;
    series_->down.Add(is_down ? 1 : -1);
}

void BackEnd::Question::NoteDuration() const {
    if (back_end_.series_)
        back_end_.series_->duration.Record(metrics::LatencyHistogram::Clock::now() - began_);
}

void BackEnd::Question::Answered() const {
    NoteDuration();
    back_end_.breaker_.Answered();
    const auto now = back_end_.clock_();
    if (now >= back_end_.refuses_until_) back_end_.log_.Answered(back_end_.name_, now);
    back_end_.NoteState();
}

void BackEnd::Question::Failed(std::string_view reason) const {
    NoteDuration();
    if (back_end_.series_) back_end_.series_->errors.Add();
    back_end_.breaker_.Failed(back_end_.clock_());
    back_end_.log_.Failed(back_end_.name_, reason, back_end_.clock_());
    back_end_.NoteState();
}

void BackEnd::Question::RefusedWrite(std::string_view reason) const {
    back_end_.refuses_until_ = back_end_.clock_() + kRefusalTime;
    Failed(reason);
}

std::vector<std::string> BackEndsDown() {
    std::vector<std::string> names;
    for (const metrics::Sample& sample : metrics::Samples(Metric::kBackEndDown))
        if (sample.values.front() > 0) names.push_back(sample.labels.front());
    return names;
}

}  // namespace policyd::outage
