#include "common/outage/outage_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "common/log/logging.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::outage {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class OutageLogTest : public testing::Test {
protected:
    OutageLogTest() {
        log::Configure("policyd", {.destination = "file:" + path_.string(), .level = "info"});
    }
    ~OutageLogTest() override { log::Shutdown(); }

    /// The messages that were logged, without time and process.
    std::vector<std::string> Lines() {
        log::Shutdown();
        std::istringstream written(test::ReadFile(path_));
        std::vector<std::string> lines;
        for (std::string line; std::getline(written, line);)
            lines.push_back(std::regex_replace(line, std::regex(".*warning: "), ""));
        return lines;
    }

    test::ScratchDirectory scratch_;
    std::filesystem::path path_ = scratch_ / "policyd.log";
    OutageLog log_{5s};
};

TEST_F(OutageLogTest, WarnsOnceAndRepeatsOnceAMinuteWithTheCountInBetween) {
    for (auto now = 0ms; now <= 60s; now += 100ms) log_.Failed("mysql", "refused", now);
    EXPECT_THAT(Lines(), ElementsAre("unavailable: mysql: refused",
                                     "unavailable: mysql: refused (599 more failures since the "
                                     "last warning)"));
}

TEST_F(OutageLogTest, SaysOnceThatItIsBack) {
    log_.Failed("redis", "hung", 0s);
    log_.Failed("redis", "hung", 2s);
    log_.Answered("redis", 7s);
    log_.Answered("redis", 8s);
    EXPECT_THAT(Lines(), ElementsAre("unavailable: redis: hung",
                                     "back again: redis: failed 2 times in 2 s"));
}

TEST_F(OutageLogTest, AnAnswerSoonAfterAFailureIsNoRecovery) {
    log_.Failed("recipient", "mysql is down", 0s);
    log_.Answered("recipient", 4999ms);
    log_.Failed("recipient", "mysql is down", 5s);
    EXPECT_THAT(Lines(), ElementsAre("unavailable: recipient: mysql is down"));
}

TEST_F(OutageLogTest, WhatFailsIsToldApartByItsName) {
    log_.Failed("mysql", "refused", 0s);
    log_.Failed("redis", "refused", 0s);
    log_.Answered("nothing else", 9s);
    log_.Answered("mysql", 9s);
    EXPECT_THAT(Lines(), ElementsAre("unavailable: mysql: refused", "unavailable: redis: refused",
                                     "back again: mysql: failed 1 times in 0 s"));
}

TEST_F(OutageLogTest, AnotherReasonWithinAnOutageIsSaidAtOnce) {
    log_.Failed("mysql", "refused", 0s);
    log_.Failed("mysql", "refused", 1s);
    log_.Failed("mysql", "access denied", 2s);
    log_.Failed("mysql", "refused", 3s);
    log_.Failed("mysql", "access denied", 4s);
    EXPECT_THAT(Lines(), ElementsAre("unavailable: mysql: refused",
                                     "unavailable: mysql: access denied (1 more failures since the "
                                     "last warning)"));
}

TEST_F(OutageLogTest, ReasonsThatAreAllDifferentAreSaidFourTimesAMinute) {
    for (int i = 0; i < 600; ++i)
        log_.Failed("mysql", std::to_string(i), std::chrono::milliseconds(100 * i));
    EXPECT_EQ(Lines().size(), 4u);
}

TEST_F(OutageLogTest, EveryReasonIsSaidAgainAMinuteLater) {
    log_.Failed("mysql", "refused", 0s);
    log_.Failed("mysql", "access denied", 1s);
    log_.Failed("mysql", "refused", 60s);
    log_.Failed("mysql", "access denied", 61s);
    EXPECT_THAT(Lines(),
                ElementsAre("unavailable: mysql: refused", "unavailable: mysql: access denied",
                            "unavailable: mysql: refused", "unavailable: mysql: access denied"));
}

TEST_F(OutageLogTest, AnOutageThatNobodyAsksAboutAnyMoreIsClosed) {
    {
        OutageLog replaced(5s);
        replaced.Failed("mysql", "refused", 0s);
        replaced.Failed("mysql", "refused", 3s);
        replaced.Failed("redis", "refused", 0s);
        replaced.Answered("redis", 9s);
    }
    EXPECT_THAT(Lines(), ElementsAre("unavailable: mysql: refused", "unavailable: redis: refused",
                                     "back again: redis: failed 1 times in 0 s",
                                     "no longer asked: mysql: failed 2 times in 3 s"));
}

TEST_F(OutageLogTest, ANewOutageIsLoggedAtOnce) {
    log_.Failed("mysql", "refused", 0s);
    log_.Answered("mysql", 6s);
    log_.Failed("mysql", "gone", 7s);
    EXPECT_THAT(Lines(), ElementsAre("unavailable: mysql: refused",
                                     "back again: mysql: failed 1 times in 0 s",
                                     "unavailable: mysql: gone"));
}

}  // namespace
}  // namespace policyd::outage
