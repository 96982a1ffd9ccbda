#pragma once

#include <functional>
#include <string>
#include <vector>

#include "policyd/server/http_endpoint.hpp"

namespace policyd::server {

/// What /health answers: whoever gets an answer knows that the process is alive; beyond that it is
/// "ready", "degraded" with one line for each back end that does not answer (requests are answered
/// all the same), or, with status 503, "stopping".
HttpReply Health(bool stopping, const std::vector<std::string>& back_ends_down);

/// /metrics and /health. `stopping` is asked on the endpoint's loop thread.
std::vector<HttpEndpoint::Route> MetricsRoutes(std::function<bool()> stopping);

}  // namespace policyd::server
