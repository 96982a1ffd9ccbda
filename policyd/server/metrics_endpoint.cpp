#include "policyd/server/metrics_endpoint.hpp"

#include <utility>

#include "common/metrics/prometheus_text.hpp"
#include "common/outage/back_end.hpp"

namespace policyd::server {

HttpReply Health(bool stopping, const std::vector<std::string>& back_ends_down) {
    if (stopping) return {503, "stopping\n"};
    if (back_ends_down.empty()) return {200, "ready\n"};
    std::string body = "degraded\n";
    for (const std::string& name : back_ends_down) body += name + '\n';
    return {200, body};
}

std::vector<HttpEndpoint::Route> MetricsRoutes(std::function<bool()> stopping) {
    const auto metrics = [] {
        return HttpReply{200, metrics::PrometheusText(), metrics::kPrometheusType};
    };
    const auto health = [stopping = std::move(stopping)] {
        return Health(stopping(), outage::BackEndsDown());
    };
    return {{"GET", "/metrics", metrics}, {"GET", "/health", health}};
}

}  // namespace policyd::server
