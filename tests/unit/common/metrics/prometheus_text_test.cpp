#include "common/metrics/prometheus_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "common/metrics/latency_histogram.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PrometheusTextTest, EveryLineIsACommentOrASampleOfTheFormat) {
    Counter(Metric::kVerdicts, {"recipient", "unknown"}).Add();
    LatencyHistogram(Metric::kRequestDuration).Record(std::chrono::milliseconds(3));
    const std::regex line(
        R"re((# (HELP|TYPE) [a-z_]+ .+)|([a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.]+))re");
    std::istringstream text(PrometheusText());
    for (std::string each; std::getline(text, each);)
        EXPECT_TRUE(std::regex_match(each, line)) << each;
}

TEST(PrometheusTextTest, NamesTheLabelsOfEachSeries) {
    Counter(Metric::kVerdicts, {"mailbox_quota", "full"}).Add(7);
    EXPECT_THAT(PrometheusText(),
                HasSubstr("policyd_verdicts_total{check=\"mailbox_quota\",reason=\"full\"} 7\n"));
}

TEST(PrometheusTextTest, LabelsAreEscaped) {
    Counter(Metric::kBackEndErrors, {"a\"b\\c\nd"}).Add();
    EXPECT_THAT(PrometheusText(),
                HasSubstr(R"(policyd_back_end_errors_total{back_end="a\"b\\c\nd"} 1)"));
}

TEST(PrometheusTextTest, BucketsOfAHistogramAreCumulativeAndInSeconds) {
    const LatencyHistogram histogram(Metric::kBackEndDuration, {"buckets"});
    histogram.Record(std::chrono::microseconds(60));
    histogram.Record(std::chrono::microseconds(150));
    const std::string text = PrometheusText();
    const std::string name = "policyd_back_end_duration_seconds";
    const std::string label = "{back_end=\"buckets\"";
    EXPECT_THAT(text, HasSubstr(name + "_bucket" + label + ",le=\"0.00005\"} 0\n"));
    EXPECT_THAT(text, HasSubstr(name + "_bucket" + label + ",le=\"0.0001\"} 1\n"));
    EXPECT_THAT(text, HasSubstr(name + "_bucket" + label + ",le=\"0.0002\"} 2\n"));
    EXPECT_THAT(text, HasSubstr(name + "_bucket" + label + ",le=\"+Inf\"} 2\n"));
    EXPECT_THAT(text, HasSubstr(name + "_sum" + label + "} 0.00021\n"));
    EXPECT_THAT(text, HasSubstr(name + "_count" + label + "} 2\n"));
}

TEST(PrometheusTextTest, ShowsMetricsWithoutLabelsBeforeTheyAreCounted) {
    EXPECT_THAT(PrometheusText(), HasSubstr("\npolicyd_accept_pauses_total 0\n"));
}

TEST(PrometheusTextTest, LargeCountsAreWrittenInFull) {
    Counter(Metric::kReservations, {"granted"}).Add(123'456'789'012);
    EXPECT_THAT(PrometheusText(), HasSubstr("{result=\"granted\"} 123456789012\n"));
}

TEST(MetricsReferenceTest, TheShippedFileIsWhatTheProgramPrints) {
    EXPECT_EQ(test::ReadFile(test::SourcePath("docs/metrics.md")), MarkdownReference())
        << "policyctl config metrics > docs/metrics.md";
}

}  // namespace
}  // namespace policyd::metrics
