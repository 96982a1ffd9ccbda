#pragma once

#include <chrono>
#include <string_view>

#include "common/log/warning_budget.hpp"
#include "common/metrics/latency_histogram.hpp"
#include "common/metrics/series.hpp"
#include "common/protocol/policy_request.hpp"
#include "common/recipients/recipient_cache.hpp"

namespace policyd::server {

/// What one worker counts of its connections and their requests, and how much it says of them.
class SessionMetrics {
public:
    using Clock = metrics::LatencyHistogram::Clock;

    metrics::Gauge connections{metrics::Metric::kConnections};
    metrics::Counter accepted{metrics::Metric::kConnectionsAccepted};
    metrics::Counter accept_pauses{metrics::Metric::kAcceptPauses};
    metrics::Counter malformed{metrics::Metric::kRequestsMalformed};
    metrics::Counter out_of_time{metrics::Metric::kRequestsOutOfTime};

    log::WarningBudget warnings{"clients"};

    SessionMetrics() {
        for (const char* phase : {"idle", "receiving", "sending"}) slow_clients_.With({phase});
    }

    void CountRequest(protocol::Stage stage) { requests_.With({protocol::StageName(stage)}).Add(); }
    /// An answer and how long it took; `check` is empty where none had an opinion.
    void CountAnswer(std::string_view check, std::string_view reason, Clock::duration took);
    void CountSlowClient(std::string_view phase) { slow_clients_.With({phase}).Add(); }

    /// Takes over what the cache has counted since this was last called with it.
    void CountLookups(const recipients::RecipientCache& cache);
    /// The next cache is another one, which begins to count anew.
    void ForgetCache();

private:
    metrics::CounterFamily requests_{metrics::Metric::kRequests};
    metrics::CounterFamily verdicts_{metrics::Metric::kVerdicts};
    metrics::CounterFamily slow_clients_{metrics::Metric::kClientsOutOfTime};
    metrics::LatencyHistogram duration_{metrics::Metric::kRequestDuration};
    metrics::Counter hits_{metrics::Metric::kRecipientLookups, {"hit"}};
    metrics::Counter misses_{metrics::Metric::kRecipientLookups, {"miss"}};
    metrics::Counter stale_{metrics::Metric::kRecipientLookups, {"stale"}};
    metrics::Gauge cached_{metrics::Metric::kRecipientsCached};
    recipients::RecipientCache::Statistics seen_;
    std::int64_t seen_size_ = 0;
};

}  // namespace policyd::server
