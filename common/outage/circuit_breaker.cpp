#include "common/outage/circuit_breaker.hpp"

#include <algorithm>

namespace policyd::outage {

bool CircuitBreaker::MayAsk(Milliseconds now) {
    if (!IsOpen()) return true;
    if (now < next_probe_) return false;
    // A probe that is never heard of again does not stand in the way of the next one.
    next_probe_ = now + kProbePeriod;
    return true;
}

void CircuitBreaker::Answered() {
    failures_ = 0;
}

void CircuitBreaker::Failed(Milliseconds now) {
    failures_ = std::min(failures_ + 1, kFailuresToOpen);
    if (failures_ == kFailuresToOpen) next_probe_ = std::max(next_probe_, now + kProbePeriod);
}

}  // namespace policyd::outage
