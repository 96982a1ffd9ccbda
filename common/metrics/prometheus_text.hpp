#pragma once

#include <string>

namespace policyd::metrics {

/// The media type of PrometheusText().
inline constexpr const char* kPrometheusType = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics as they are now, in Prometheus's text format, version 0.0.4. Metrics with labels
/// appear once one of their series exists, the others always. Any thread.
std::string PrometheusText();

/// docs/metrics.md, from the table of metrics.
std::string MarkdownReference();

}  // namespace policyd::metrics
