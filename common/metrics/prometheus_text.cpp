#include "common/metrics/prometheus_text.hpp"

#include <charconv>
#include <string_view>

#include "common/metrics/latency_histogram.hpp"
#include "common/metrics/series.hpp"

namespace policyd::metrics {
namespace {

std::string Number(double value) {
    char text[512];
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr;
    return std::string(text, end);
}

std::string Escaped(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '\\' || c == '"') escaped += '\\';
        escaped += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return escaped;
}

/// `{check="recipient",reason="unknown"}`; `le` is the bound of a histogram's bucket.
std::string LabelText(std::string_view names, const Labels& values, std::string_view le = {}) {
    std::string text;
    const auto add = [&text](std::string_view name, std::string_view value) {
        text += text.empty() ? '{' : ',';
        text.append(name).append("=\"").append(Escaped(value)) += '"';
    };
    for (const std::string& value : values) {
        const std::size_t end = std::min(names.find(' '), names.size());
        add(names.substr(0, end), value);
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    if (!le.empty()) add("le", le);
    return text.empty() ? text : text + '}';
}

void WriteHistogram(std::string& text, const Definition& metric, const Sample& sample) {
    constexpr double kMicrosecondsPerSecond = 1e6;
    constexpr double kNanosecondsPerSecond = 1e9;
    const std::string name(metric.name);
    double count = 0;
    for (std::size_t i = 0; i <= LatencyHistogram::kBounds.size(); ++i) {
        count += sample.values[i];
        const bool last = i == LatencyHistogram::kBounds.size();
        const std::string bound = last ? "+Inf"
                                       : Number(static_cast<double>(LatencyHistogram::kBounds[i]) /
                                                kMicrosecondsPerSecond);
        text += name + "_bucket" + LabelText(metric.labels, sample.labels, bound) + ' ' +
                Number(count) + '\n';
    }
    const std::string labels = LabelText(metric.labels, sample.labels);
    text +=
        name + "_sum" + labels + ' ' + Number(sample.values.back() / kNanosecondsPerSecond) + '\n';
    text += name + "_count" + labels + ' ' + Number(count) + '\n';
}

void WriteMetric(std::string& text, const Definition& metric) {
    std::vector<Sample> samples = Samples(metric.metric);
    if (samples.empty() && metric.labels.empty()) {
        const std::size_t values = metric.kind == Kind::kHistogram ? LatencyHistogram::kCells : 1;
        samples.push_back({{}, std::vector<double>(values)});
    }
    if (samples.empty()) return;
    const std::string name(metric.name);
    text += "# HELP " + name + ' ' + std::string(metric.help) + '\n';
    text += "# TYPE " + name + ' ' + std::string(KindName(metric.kind)) + '\n';
    for (const Sample& sample : samples) {
        if (metric.kind == Kind::kHistogram) {
            WriteHistogram(text, metric, sample);
        } else {
            text += name + LabelText(metric.labels, sample.labels) + ' ' +
                    Number(sample.values.front()) + '\n';
        }
    }
}

}  // namespace

std::string PrometheusText() {
    std::string text;
    for (const Definition& metric : Definitions()) WriteMetric(text, metric);
    return text;
}

std::string MarkdownReference() {
    std::string text =
        "# Metrics\n\n"
        "What `policyd` shows at `/metrics` of the address in the option `metrics_listen`, in\n"
        "Prometheus's text format. Printed by `policyctl config metrics`.\n\n"
        "| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n";
    for (const Definition& metric : Definitions()) {
        text += "| `" + std::string(metric.name) + "` | " + std::string(KindName(metric.kind)) +
                " | " + std::string(metric.labels) + " | " + std::string(metric.help) + " |\n";
    }
    return text;
}

}  // namespace policyd::metrics
