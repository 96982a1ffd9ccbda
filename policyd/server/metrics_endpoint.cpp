#include "policyd/server/metrics_endpoint.hpp"

#include <utility>

#include "common/metrics/prometheus_text.hpp"
#include "common/outage/back_end.hpp"

namespace policyd::server {

HttpReply Health(const std::string& why_not_ready, const std::vector<std::string>& back_ends_down) {
    if (!why_not_ready.empty()) return {503, "alive\n" + why_not_ready + '\n'};
    if (back_ends_down.empty()) return {200, "ready\n"};
    std::string body = "degraded\n";
    for (const std::string& name : back_ends_down) body += name + '\n';
    return {200, body};
}

std::vector<HttpEndpoint::Route> MetricsRoutes(std::function<std::string()> why_not_ready) {
    const auto metrics = [] {
        return AtOnce({200, metrics::PrometheusText(), metrics::kPrometheusType});
    };
    const auto health = [why_not_ready = std::move(why_not_ready)] {
        return AtOnce(Health(why_not_ready(), outage::BackEndsDown()));
    };
    return {{"GET", "/metrics", metrics}, {"GET", "/health", health}};
}

}  // namespace policyd::server
