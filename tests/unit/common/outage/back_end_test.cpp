#include "common/outage/back_end.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace policyd::outage {
namespace {

using namespace std::chrono_literals;
using metrics::Metric;
using testing::ElementsAre;
using testing::IsEmpty;

class BackEndTest : public testing::Test {
protected:
    static std::string UniqueName() {
        return std::string("test:") + testing::UnitTest::GetInstance()->current_test_info()->name();
    }

    void FailThreeTimes() {
        for (int i = 0; i < 3; ++i) BackEnd::Question(*back_end_).Failed("refused");
    }

    std::chrono::milliseconds now_{1'000};
    std::string name_ = UniqueName();
    std::unique_ptr<BackEnd> back_end_ = std::make_unique<BackEnd>(name_, [this] { return now_; });
};

TEST_F(BackEndTest, IsSparedAndReportedDownAfterThreeFailuresUntilAProbeIsAnswered) {
    EXPECT_TRUE(back_end_->MayAsk());
    FailThreeTimes();
    EXPECT_FALSE(back_end_->MayAsk());
    EXPECT_THAT(BackEndsDown(), ElementsAre(name_));

    now_ += 1s;
    EXPECT_TRUE(back_end_->MayAsk());
    BackEnd::Question(*back_end_).Answered();
    EXPECT_TRUE(back_end_->MayAsk());
    EXPECT_THAT(BackEndsDown(), IsEmpty());
}

TEST_F(BackEndTest, CountsErrorsSparedQuestionsAndTimes) {
    FailThreeTimes();
    back_end_->MayAsk();
    back_end_->MayAsk();
    EXPECT_EQ(metrics::Value(Metric::kBackEndErrors, {name_}), 3);
    EXPECT_EQ(metrics::Value(Metric::kBackEndSpared, {name_}), 2);
}

TEST_F(BackEndTest, ThoseThatComeAndGoLeaveRoomForOthers) {
    const auto clock = [this] { return now_; };
    for (int i = 0; i < 500; ++i) {
        BackEnd passing("passing:" + std::to_string(i), clock);
        for (int failed = 0; failed < 3; ++failed) BackEnd::Question(passing).Failed("refused");
        ASSERT_THAT(BackEndsDown(), ElementsAre(passing.Name()));
    }
    EXPECT_THAT(BackEndsDown(), IsEmpty());
    FailThreeTimes();
    EXPECT_THAT(BackEndsDown(), ElementsAre(name_));
    EXPECT_EQ(metrics::Value(Metric::kBackEndErrors, {name_}), 3);
}

TEST_F(BackEndTest, OneThatRefusesWritesIsNotBackAgainWithTheNextAnswer) {
    for (int i = 0; i < 5; ++i) {
        BackEnd::Question(*back_end_).RefusedWrite("out of memory");
        BackEnd::Question(*back_end_).Answered();
        EXPECT_THAT(BackEndsDown(), ElementsAre(name_));
        EXPECT_TRUE(back_end_->MayAsk()) << "what it can answer it may be asked";
        now_ += 9s;
    }
    BackEnd::Question(*back_end_).Answered();
    EXPECT_THAT(BackEndsDown(), ElementsAre(name_));
    now_ += 1s;
    BackEnd::Question(*back_end_).Answered();
    EXPECT_THAT(BackEndsDown(), IsEmpty());
    EXPECT_EQ(metrics::Value(Metric::kBackEndErrors, {name_}), 5);
}

TEST_F(BackEndTest, OneThatIsNoLongerUsedIsNoLongerDown) {
    FailThreeTimes();
    back_end_.reset();
    EXPECT_THAT(BackEndsDown(), IsEmpty());
}

TEST_F(BackEndTest, IsDownWhileOneOfTheThreadsThatUseItSparesIt) {
    FailThreeTimes();
    std::thread([this] {
        BackEnd same(name_, [] { return 1s; });
        BackEnd::Question(same).Answered();
    }).join();
    EXPECT_THAT(BackEndsDown(), ElementsAre(name_));
}

TEST_F(BackEndTest, OfOneThatIsOnlyTriedNobodyHears) {
    BackEnd tried(
        "tried", [] { return std::chrono::milliseconds(0); }, Telling::kNobody);
    for (int i = 0; i < 3; ++i) BackEnd::Question(tried).Failed("refused");
    EXPECT_FALSE(tried.MayAsk());
    for (const auto metric : {metrics::Metric::kBackEndDown, metrics::Metric::kBackEndErrors,
                              metrics::Metric::kBackEndSpared})
        for (const metrics::Sample& sample : metrics::Samples(metric))
            EXPECT_NE(sample.labels.front(), "tried");
}

}  // namespace
}  // namespace policyd::outage
