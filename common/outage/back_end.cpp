#include "common/outage/back_end.hpp"

#include <utility>

namespace policyd::outage {

using metrics::Metric;

BackEnd::BackEnd(std::string name, Clock clock)
    : name_(std::move(name)),
      clock_(std::move(clock)),
      down_(Metric::kBackEndDown, {name_}),
      errors_(Metric::kBackEndErrors, {name_}),
      spared_(Metric::kBackEndSpared, {name_}),
      duration_(Metric::kBackEndDuration, {name_}) {}

BackEnd::~BackEnd() {
    if (is_down_) down_.Add(-1);
}

bool BackEnd::MayAsk() {
    const bool may_ask = breaker_.MayAsk(clock_());
    if (!may_ask) spared_.Add();
    return may_ask;
}

void BackEnd::NoteState() {
    if (std::exchange(is_down_, breaker_.IsOpen()) == is_down_) return;
    down_.Add(is_down_ ? 1 : -1);
}

void BackEnd::Question::Answered() const {
    back_end_.duration_.Record(metrics::LatencyHistogram::Clock::now() - began_);
    back_end_.breaker_.Answered();
    back_end_.log_.Answered(back_end_.name_, back_end_.clock_());
    back_end_.NoteState();
}

void BackEnd::Question::Failed(std::string_view reason) const {
    back_end_.duration_.Record(metrics::LatencyHistogram::Clock::now() - began_);
    back_end_.errors_.Add();
    back_end_.breaker_.Failed(back_end_.clock_());
    back_end_.log_.Failed(back_end_.name_, reason, back_end_.clock_());
    back_end_.NoteState();
}

std::vector<std::string> BackEndsDown() {
    std::vector<std::string> names;
    for (const metrics::Sample& sample : metrics::Samples(Metric::kBackEndDown))
        if (sample.values.front() > 0) names.push_back(sample.labels.front());
    return names;
}

}  // namespace policyd::outage
