#pragma once

#include <functional>
#include <string>
#include <vector>

#include "policyd/server/http_endpoint.hpp"

namespace policyd::server {

/// What /health answers: "ready"; "degraded", with one line for each back end that does not answer
/// (requests are answered all the same); or, with status 503, "alive" and no more than that, with a
/// line that says why.
HttpReply Health(const std::string& why_not_ready, const std::vector<std::string>& back_ends_down);

/// /metrics and /health. `why_not_ready`, asked on the endpoint's loop thread, says why the server
/// is to get no requests; empty: it is.
std::vector<HttpEndpoint::Route> MetricsRoutes(std::function<std::string()> why_not_ready);

}  // namespace policyd::server
