#pragma once

#include "common/metrics/series.hpp"
#include "policyd/services/shared_state.hpp"

namespace policyd::server {

/// What there is to see of the process as a whole, while this lives. `shared` outlives it.
class ProcessMetrics {
public:
    explicit ProcessMetrics(const services::SharedState& shared);

private:
    metrics::Observed build_;
    metrics::Observed start_;
    metrics::Observed tracked_;
    metrics::Observed owed_;
    metrics::Observed lines_lost_;
    metrics::Observed heap_;
};

}  // namespace policyd::server
