#include "common/metrics/series.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace policyd::metrics {
namespace {

TEST(SeriesTest, WhatAllThreadsCountIsAddedUpAlsoAfterTheyHaveEnded) {
    const double before = Value(Metric::kConnectionsAccepted);
    constexpr int kEach = 100'000;
    const auto count = [] {
        const Counter accepted(Metric::kConnectionsAccepted);
        for (int i = 0; i < kEach; ++i) accepted.Add();
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(count);
    count();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(Value(Metric::kConnectionsAccepted) - before, 5.0 * kEach);
}

TEST(SeriesTest, AGaugeGoesDownOnAnotherThreadThanItWentUp) {
    const Gauge connections(Metric::kConnections);
    connections.Add(3);
    std::thread([&] { connections.Add(-2); }).join();
    EXPECT_EQ(Value(Metric::kConnections), 1);
    connections.Add(-1);
    EXPECT_EQ(Value(Metric::kConnections), 0);
}

TEST(SeriesTest, SeriesWithDifferentLabelsAreDifferentNumbers) {
    Counter(Metric::kReloads, {"success"}).Add(2);
    Counter(Metric::kReloads, {"failure"}).Add();
    EXPECT_EQ(Value(Metric::kReloads, {"success"}), 2);
    EXPECT_EQ(Value(Metric::kReloads, {"failure"}), 1);
    EXPECT_EQ(Value(Metric::kReloads, {"neither"}), 0);
}

TEST(SeriesTest, AFamilyCountsEachCombinationOfLabelsByItself) {
    CounterFamily verdicts(Metric::kVerdicts);
    verdicts.With({"family_test", "full"}).Add();
    verdicts.With({"family_test", "unknown"}).Add();
    verdicts.With({"family_test", "full"}).Add();
    EXPECT_EQ(Value(Metric::kVerdicts, {"family_test", "full"}), 2);
    EXPECT_EQ(Value(Metric::kVerdicts, {"family_test", "unknown"}), 1);
}

TEST(SeriesTest, OfTheLargestNumberOnlyTheLargestCounts) {
    const Largest last_scan(Metric::kLastScan);
    last_scan.Note(7);
    std::thread([] { Largest(Metric::kLastScan).Note(9); }).join();
    last_scan.Note(8);
    EXPECT_EQ(Value(Metric::kLastScan), 9);
}

TEST(SeriesTest, ObservedNumbersAreAskedForAndAddedUpWhileTheirSourcesLive) {
    double messages = 4;
    {
        const Observed first(Metric::kTrackedMessages, {}, [&] { return messages; });
        const Observed second(Metric::kTrackedMessages, {}, [] { return 10.0; });
        EXPECT_EQ(Value(Metric::kTrackedMessages), 14);
        messages = 5;
        EXPECT_EQ(Value(Metric::kTrackedMessages), 15);
    }
    EXPECT_EQ(Value(Metric::kTrackedMessages), 0);
}

TEST(SeriesTest, SamplesComeSortedByTheirLabels) {
    for (const char* name : {"b", "c", "a"}) Counter(Metric::kBackEndSpared, {name}).Add();
    std::vector<std::string> names;
    for (const Sample& sample : Samples(Metric::kBackEndSpared))
        names.push_back(sample.labels.front());
    EXPECT_THAT(names, testing::ElementsAre("a", "b", "c"));
}

TEST(SeriesTest, WithTheLastWhoHoldsItASeriesEndsAndItsNumberIsNoOthers) {
    const Labels labels{"held"};
    const auto add_here_and_elsewhere = [&labels](std::uint64_t amount) {
        Counter(Metric::kQuotaWarnings, labels).Add(amount);
        std::thread([&] { Counter(Metric::kQuotaWarnings, labels).Add(amount); }).join();
    };
    auto first = std::make_unique<Hold>(std::vector{Metric::kQuotaWarnings}, labels);
    auto second = std::make_unique<Hold>(std::vector{Metric::kQuotaWarnings}, labels);
    add_here_and_elsewhere(3);
    first.reset();
    EXPECT_EQ(Value(Metric::kQuotaWarnings, labels), 6);
    second.reset();
    EXPECT_THAT(Samples(Metric::kQuotaWarnings), testing::IsEmpty());
    const Hold again({Metric::kQuotaWarnings}, labels);
    add_here_and_elsewhere(1);
    EXPECT_EQ(Value(Metric::kQuotaWarnings, labels), 2);
}

TEST(SeriesTest, ThoseForWhichThereIsNoRoomAreLeftOutAndOthersTakeTheRoomThatIsGivenBack) {
    const auto hold = [](int number) {
        const Labels labels{std::to_string(number)};
        auto held = std::make_unique<Hold>(std::vector{Metric::kQuotaWarnings}, labels);
        Counter(Metric::kQuotaWarnings, labels).Add();
        return held;
    };
    std::vector<std::unique_ptr<Hold>> all;
    while (all.empty() || all.back()->AreShown()) all.push_back(hold(static_cast<int>(all.size())));
    EXPECT_GT(all.size(), 1'000u);
    EXPECT_EQ(Samples(Metric::kQuotaWarnings).size(), all.size() - 1);
    for (const Sample& sample : Samples(Metric::kQuotaWarnings))
        ASSERT_EQ(sample.values.front(), 1) << sample.labels.front();
    all.clear();
    for (int number = 10'000; number < 20'000; ++number) ASSERT_TRUE(hold(number)->AreShown());
}

}  // namespace
}  // namespace policyd::metrics
