#include "common/metrics/latency_histogram.hpp"

#include <gtest/gtest.h>

namespace policyd::metrics {
namespace {

using namespace std::chrono_literals;

std::vector<double> CellsAfter(std::chrono::nanoseconds time, const std::string& name) {
    LatencyHistogram(Metric::kBackEndDuration, {name}).Record(time);
    for (const Sample& sample : Samples(Metric::kBackEndDuration))
        if (sample.labels == Labels{name}) return sample.values;
    return {};
}

TEST(LatencyHistogramTest, ATimeOnABoundBelongsToItsBucketAndALittleMoreToTheNext) {
    EXPECT_EQ(CellsAfter(50us, "on the bound").at(0), 1);
    const std::vector<double> above = CellsAfter(50us + 1ns, "above the bound");
    EXPECT_EQ(above.at(0), 0);
    EXPECT_EQ(above.at(1), 1);
}

TEST(LatencyHistogramTest, WhatIsBeyondAllBoundsHasABucketOfItsOwn) {
    EXPECT_EQ(CellsAfter(10s + 1us, "beyond").at(LatencyHistogram::kBounds.size()), 1);
}

TEST(LatencyHistogramTest, KeepsTheSumInNanoseconds) {
    CellsAfter(1500ns, "sum");
    EXPECT_EQ(CellsAfter(500ns, "sum").back(), 2000);
}

}  // namespace
}  // namespace policyd::metrics
