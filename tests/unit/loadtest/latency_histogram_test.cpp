#include "loadtest/latency_histogram.hpp"

#include <gtest/gtest.h>

namespace policyd::loadtest {
namespace {

using std::chrono::nanoseconds;

TEST(LatencyHistogramTest, AnswersZeroWhileNothingWasCounted) {
    const LatencyHistogram histogram;
    EXPECT_EQ(histogram.Count(), 0U);
    EXPECT_EQ(histogram.Percentile(99), nanoseconds(0));
    EXPECT_EQ(histogram.Mean(), nanoseconds(0));
    EXPECT_TRUE(histogram.Distribution().empty());
}

TEST(LatencyHistogramTest, KeepsSmallValuesExactly) {
    LatencyHistogram histogram;
    for (int value = 1; value <= 200; ++value) histogram.Add(nanoseconds(value));
    EXPECT_EQ(histogram.Percentile(50), nanoseconds(100));
    EXPECT_EQ(histogram.Percentile(99.5), nanoseconds(199));
    EXPECT_EQ(histogram.Percentile(100), nanoseconds(200));
    EXPECT_EQ(histogram.Percentile(0), nanoseconds(1));
    EXPECT_EQ(histogram.Mean(), nanoseconds(100));
}

TEST(LatencyHistogramTest, IsNeverMoreThanOneBucketTooHighAndNeverTooLow) {
    for (std::int64_t value = 1; value < (std::int64_t{1} << 40); value += 1 + value / 3) {
        LatencyHistogram histogram;
        histogram.Add(nanoseconds(value));
        histogram.Add(nanoseconds(value * 2));  // so that the maximum does not cut the first one
        const std::int64_t read = histogram.Percentile(50).count();
        EXPECT_GE(read, value);
        EXPECT_LE(static_cast<double>(read), static_cast<double>(value) * 1.008);
    }
}

TEST(LatencyHistogramTest, NeverAnswersMoreThanTheMaximum) {
    LatencyHistogram histogram;
    histogram.Add(nanoseconds(1'000'003));
    EXPECT_EQ(histogram.Percentile(50), nanoseconds(1'000'003));
    EXPECT_EQ(histogram.Max(), nanoseconds(1'000'003));
}

TEST(LatencyHistogramTest, CountsWhatIsTooLongOrNegativeAtItsEnds) {
    LatencyHistogram histogram;
    histogram.Add(std::chrono::hours(5));
    histogram.Add(nanoseconds(-3));
    EXPECT_EQ(histogram.Max(), std::chrono::hours(5));
    EXPECT_EQ(histogram.Percentile(50), nanoseconds(0));
    EXPECT_EQ(histogram.Count(), 2U);
}

TEST(LatencyHistogramTest, MergesAsIfAllHadBeenCountedInOne) {
    LatencyHistogram one;
    LatencyHistogram other;
    LatencyHistogram both;
    for (int i = 0; i < 1000; ++i) {
        const nanoseconds value(i * i);
        (i % 3 == 0 ? one : other).Add(value);
        both.Add(value);
    }
    one.Merge(other);
    EXPECT_EQ(one.Count(), both.Count());
    EXPECT_EQ(one.Mean(), both.Mean());
    EXPECT_EQ(one.Max(), both.Max());
    for (const double percent : {1.0, 50.0, 99.0, 99.9})
        EXPECT_EQ(one.Percentile(percent), both.Percentile(percent));
}

TEST(LatencyHistogramTest, DistributionRisesToAHundredPercent) {
    LatencyHistogram histogram;
    for (const int value : {10, 10, 10, 50000}) histogram.Add(nanoseconds(value));
    const auto points = histogram.Distribution();
    ASSERT_EQ(points.size(), 2U);
    EXPECT_DOUBLE_EQ(points[0].percent, 75);
    EXPECT_EQ(points[0].latency, nanoseconds(10));
    EXPECT_DOUBLE_EQ(points[1].percent, 100);
    EXPECT_EQ(points[1].latency, nanoseconds(50000));
}

TEST(LatencyHistogramTest, IsEmptyAgainAfterClear) {
    LatencyHistogram histogram;
    histogram.Add(nanoseconds(5));
    histogram.Clear();
    EXPECT_EQ(histogram.Count(), 0U);
    EXPECT_EQ(histogram.Max(), nanoseconds(0));
}

}  // namespace
}  // namespace policyd::loadtest
