#pragma once

#include "common/metrics/series.hpp"
#include "policyd/checks/message_tracker.hpp"

namespace policyd::server {

/// What there is to see of the process as a whole, while this lives. `messages` outlives it.
class ProcessMetrics {
public:
    explicit ProcessMetrics(const checks::MessageTracker& messages);

private:
    metrics::Observed build_;
    metrics::Observed start_;
    metrics::Observed tracked_;
    metrics::Observed lines_lost_;
};

}  // namespace policyd::server
