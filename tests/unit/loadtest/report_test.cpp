#include "loadtest/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace policyd::loadtest {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

Result SomeResult() {
    Result result;
    Outcome outcome;
    outcome.kind = "RCPT";
    outcome.verdict = Verdict::kDunno;
    for (int i = 0; i < 20'000; ++i) result.tally.Count(outcome, 2ms, true);
    result.tally.EndInterval(2);
    result.measured_s = 2;
    result.connected = 50;
    result.server_after.processes = 1;
    result.server_after.cpu_s = 0.5;
    result.server_after.rss = 9'000'000;
    return result;
}

TEST(SummaryTest, SaysRateLatencyVerdictsAndCost) {
    const std::string summary = Summary(Options(), SomeResult());
    EXPECT_THAT(summary,
                HasSubstr("steady, 50 connections, closed loop, 2.0 s: 10,000 answers a second"));
    EXPECT_THAT(summary, HasSubstr("2.000"));
    EXPECT_THAT(summary, HasSubstr("dunno 20,000"));
    EXPECT_THAT(summary, HasSubstr("25.00 us for each answer, 40,000 answers for each CPU second"));
    EXPECT_THAT(summary, HasSubstr("9.0 MB"));
    EXPECT_THAT(summary, Not(HasSubstr("NOT ")));
}

TEST(SummaryTest, ShowsEveryKindOfFault) {
    Result result = SomeResult();
    Outcome outcome;
    outcome.fault = Outcome::Fault::kNoAnswer;
    outcome.detail = "connection lost";
    result.tally.Count(outcome, 1ms, true);
    outcome.fault = Outcome::Fault::kUnexpected;
    outcome.detail = "RCPT <a@b>: DUNNO instead of reject";
    result.tally.Count(outcome, 1ms, true);
    result.overdue = 7;
    const std::string summary = Summary(Options(), result);
    EXPECT_THAT(summary, HasSubstr("NOT ANSWERED    1: connection lost"));
    EXPECT_THAT(summary, HasSubstr("NOT AS EXPECTED 1"));
    EXPECT_THAT(summary, HasSubstr("RCPT <a@b>: DUNNO instead of reject"));
    EXPECT_THAT(summary, HasSubstr("not sent        7"));
}

TEST(SummaryTest, TheRateAndTheCostAreThoseOfTheMeasuredTime) {
    Result result = SomeResult();
    Outcome outcome;
    outcome.kind = "RCPT";
    result.tally.End();
    for (int i = 0; i < 20'000; ++i) result.tally.Count(outcome, 5s, true);
    result.last_answer_s = 4.2;
    const std::string summary = Summary(Options(), result);
    EXPECT_THAT(summary, HasSubstr("2.0 s: 10,000 answers a second"));
    EXPECT_THAT(summary, HasSubstr("25.00 us for each answer"));
    EXPECT_THAT(
        summary,
        HasSubstr("late            20,000 answers after the measured time, the last one 4.2 s"));
    const std::string json = JsonReport(Options(), result);
    EXPECT_THAT(json, HasSubstr("\"answers_per_s\": 10000,"));
    EXPECT_THAT(json, HasSubstr("\"answers_per_cpu_s\": 40000,"));
    EXPECT_THAT(json, HasSubstr("\"late_answers\": 20000,"));
    result.last_answer_s = 0.01;
    EXPECT_THAT(Summary(Options(), result), Not(HasSubstr("  late ")));
}

TEST(AllRightTest, NeedsAnswersAndNoFaults) {
    Result result = SomeResult();
    EXPECT_TRUE(AllRight(result));
    Outcome outcome;
    outcome.fault = Outcome::Fault::kMalformed;
    result.tally.Count(outcome, 1ms, false);
    EXPECT_FALSE(AllRight(result));
    EXPECT_FALSE(AllRight(Result()));
}

TEST(JsonReportTest, HoldsWhatTheSummarySays) {
    const std::string json = JsonReport(Options(), SomeResult());
    EXPECT_THAT(json, HasSubstr("\"answers_per_s\": 10000,"));
    EXPECT_THAT(json, HasSubstr("\"answers_per_cpu_s\": 40000,"));
    EXPECT_THAT(json, HasSubstr("\"p99.9\": 2000,"));
    EXPECT_THAT(json, HasSubstr("\"dunno\": 20000,"));
}

TEST(JsonReportTest, NamesTheServerThatTheScenarioAsks) {
    Options options;
    options.server = "inet:127.0.0.1:1";
    options.smtp = "inet:127.0.0.1:2";
    EXPECT_THAT(JsonReport(options, SomeResult()),
                HasSubstr("\"server_endpoint\": \"inet:127.0.0.1:1\""));
    options.scenario = "smtp";
    EXPECT_THAT(JsonReport(options, SomeResult()),
                HasSubstr("\"server_endpoint\": \"inet:127.0.0.1:2\""));
}

TEST(JsonReportTest, LeavesTheServerOutWhereNobodyMeasuredIt) {
    Result result = SomeResult();
    result.server_after = {};
    EXPECT_THAT(JsonReport(Options(), result), Not(HasSubstr("\"server\":")));
}

TEST(ProgressLineTest, IsAboutTheLastInterval) {
    Result result = SomeResult();
    result.tally.EndInterval(1);
    EXPECT_EQ(ProgressLine(result.tally),
              "   3 s          0 /s   p50 0.000 ms   p99 0.000 ms   max 0.000 ms   0 faults");
}

}  // namespace
}  // namespace policyd::loadtest
