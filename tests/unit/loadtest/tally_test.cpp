#include "loadtest/tally.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace policyd::loadtest {
namespace {

using namespace std::chrono_literals;
using Fault = Outcome::Fault;

Outcome Answer(std::string_view kind, Verdict verdict) {
    Outcome outcome;
    outcome.kind = kind;
    outcome.verdict = verdict;
    return outcome;
}

Outcome Faulty(Fault fault, std::string detail) {
    Outcome outcome = Answer("RCPT", Verdict::kReject);
    outcome.fault = fault;
    outcome.detail = std::move(detail);
    return outcome;
}

TEST(TallyTest, CountsVerdictsAndLatencyOfEachKind) {
    Tally tally;
    tally.Count(Answer("RCPT", Verdict::kDunno), 1us, true);
    tally.Count(Answer("RCPT", Verdict::kReject), 3us, true);
    Outcome end = Answer("END-OF-MESSAGE", Verdict::kDunno);
    end.is_message = true;
    end.accepted_bytes = 500;
    tally.Count(end, 9us, true);
    EXPECT_EQ(tally.Answered(), 3U);
    EXPECT_EQ(tally.Latency().Max(), 9us);
    const Tally::Kind& rcpt = tally.Kinds().find("RCPT")->second;
    EXPECT_EQ(rcpt.latency.Max(), 3us);
    EXPECT_THAT(rcpt.verdicts, testing::ElementsAre(1, 0, 1, 0, 0));
    EXPECT_EQ(tally.Messages(), 1U);
    EXPECT_EQ(tally.MessageBytes(), 500U);
    EXPECT_EQ(tally.Faults(), 0U);
}

TEST(TallyTest, TheWarmUpCountsForNothingButItsFaultsAndMessages) {
    Tally tally;
    Outcome end = Answer("END-OF-MESSAGE", Verdict::kDunno);
    end.is_message = true;
    end.accepted_bytes = 7;
    tally.Count(end, 1us, false);
    EXPECT_EQ(tally.Messages(), 1U);
    EXPECT_EQ(tally.MessageBytes(), 7U);
    tally.Count(Answer("RCPT", Verdict::kDunno), 1us, false);
    tally.Count(Faulty(Fault::kUnexpected, "x"), 1us, false);
    EXPECT_EQ(tally.Answered(), 0U);
    EXPECT_EQ(tally.Unexpected(), 1U);
    EXPECT_EQ(tally.Faults(), 1U);
}

TEST(TallyTest, WhatWasNotAnsweredHasNoLatency) {
    Tally tally;
    tally.Count(Faulty(Fault::kNoAnswer, "connection lost"), 10s, true);
    tally.Count(Faulty(Fault::kNoAnswer, "connection lost"), 10s, true);
    tally.Count(Faulty(Fault::kNoAnswer, "no answer in time"), 10s, true);
    EXPECT_EQ(tally.Answered(), 0U);
    EXPECT_THAT(tally.NotAnswered(), testing::ElementsAre(testing::Pair("connection lost", 2),
                                                          testing::Pair("no answer in time", 1)));
    EXPECT_EQ(tally.Faults(), 3U);
}

TEST(TallyTest, TheStepsCountThatWereAnsweredBeforeAConnectionWasLost) {
    Tally tally;
    Outcome session = Faulty(Fault::kNoAnswer, "connection lost");
    session.kind = "session";
    session.steps.emplace_back("MAIL", Verdict::kPermit, 5us);
    tally.Count(session, 10s, true);
    EXPECT_EQ(tally.Answered(), 0U);
    EXPECT_EQ(tally.Kinds().find("MAIL")->second.latency.Max(), 5us);
    EXPECT_EQ(tally.Kinds().count("session"), 0U);
}

TEST(TallyTest, KeepsTheFirstExamplesOfWrongReplies) {
    Tally tally;
    for (int i = 0; i < 100; ++i)
        tally.Count(Faulty(Fault::kMalformed, std::to_string(i)), 1us, true);
    EXPECT_EQ(tally.Malformed(), 100U);
    EXPECT_THAT(tally.Examples(), testing::ElementsAre("0", "1", "2", "3", "4"));
}

TEST(TallyTest, IntervalsFollowEachOther) {
    Tally tally;
    tally.Count(Answer("RCPT", Verdict::kDunno), 5us, true);
    tally.EndInterval(1);
    tally.Count(Answer("RCPT", Verdict::kDunno), 7us, true);
    tally.Count(Faulty(Fault::kNoAnswer, "x"), 7us, true);
    tally.EndInterval(2);
    ASSERT_EQ(tally.Intervals().size(), 2U);
    EXPECT_EQ(tally.Intervals()[0].answered, 1U);
    EXPECT_EQ(tally.Intervals()[0].max, 5us);
    EXPECT_EQ(tally.Intervals()[0].faults, 0U);
    EXPECT_EQ(tally.Intervals()[1].begins_s, 1);
    EXPECT_EQ(tally.Intervals()[1].max, 7us);
    EXPECT_EQ(tally.Intervals()[1].faults, 1U);
}

TEST(TallyTest, TheFaultsOfTheWarmUpAreThoseOfNoInterval) {
    Tally tally;
    tally.Count(Faulty(Fault::kUnexpected, "x"), 1us, false);
    tally.Count(Faulty(Fault::kUnexpected, "x"), 1us, true);
    tally.EndInterval(1);
    EXPECT_EQ(tally.Faults(), 2U);
    EXPECT_EQ(tally.Intervals()[0].faults, 1U);
}

TEST(TallyTest, WhatComesAfterTheMeasuredTimeCountsForItsLatencyAndFaultsAlone) {
    Tally tally;
    tally.Count(Answer("RCPT", Verdict::kDunno), 1us, true);
    tally.EndInterval(1);
    tally.End();
    tally.Count(Answer("RCPT", Verdict::kDunno), 9us, true);
    tally.Count(Faulty(Fault::kNoAnswer, "no answer in time"), 9us, true);
    EXPECT_EQ(tally.Answered(), 2U);
    EXPECT_EQ(tally.InTime(), 1U);
    EXPECT_EQ(tally.Late(), 1U);
    EXPECT_EQ(tally.Latency().Max(), 9us);
    EXPECT_EQ(tally.Faults(), 1U);
    EXPECT_EQ(tally.Intervals()[0].answered, 1U);
    EXPECT_EQ(tally.Intervals()[0].faults, 0U);
}

}  // namespace
}  // namespace policyd::loadtest
