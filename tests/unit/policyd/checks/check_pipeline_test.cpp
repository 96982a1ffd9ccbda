#include "policyd/checks/check_pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/log/logging.hpp"
#include "policyd/checks/recipient_check.hpp"
#include "tests/support/fixed_recipients.hpp"
#include "tests/support/scratch_directory.hpp"
#include "tests/unit/policyd/checks/action_of.hpp"

namespace policyd::checks {
namespace {

class ScriptedCheck final : public PolicyCheck {
public:
    using Script = std::function<Verdict()>;
    ScriptedCheck(Script script, int& asked) : script_(std::move(script)), asked_(asked) {}

    std::string_view Name() const override { return "scripted"; }
    async::Task<Verdict> Evaluate(const protocol::PolicyRequest&, Findings&) override {
        ++asked_;
        co_return script_();
    }

    std::optional<Verdict> AtHand(const protocol::PolicyRequest&) override { return at_hand; }
    std::optional<Verdict> AsRemembered(const protocol::PolicyRequest&, const Findings&) override {
        return as_remembered;
    }
    outage::Unavailable::BackEnd WaitsFor(const Findings&) const override { return waits_for; }

    std::optional<Verdict> at_hand;
    std::optional<Verdict> as_remembered;
    outage::Unavailable::BackEnd waits_for = outage::Unavailable::BackEnd::kTable;

private:
    Script script_;
    int& asked_;
};

class CheckPipelineTest : public testing::Test {
protected:
    void Add(ScriptedCheck::Script script, const std::string& table_failure = "DUNNO",
             const std::string& store_failure = "DUNNO") {
        CheckPipeline::Step step;
        step.check = std::make_unique<ScriptedCheck>(std::move(script), asked_);
        step.on_failure.table = table_failure;
        step.on_failure.usage_store = store_failure;
        steps_.push_back(std::move(step));
    }

    void AddAtHand(const Verdict& verdict) {
        Add([verdict] { return verdict; });
        static_cast<ScriptedCheck&>(*steps_.back().check).at_hand = verdict;
    }

    std::string Decide() {
        const CheckPipeline pipeline(std::move(steps_),
                                     [] { return std::chrono::milliseconds(0); });
        progress_ = {};
        return test::RunToEnd(pipeline.Decide({}, progress_)).action;
    }

    CheckPipeline::Said WhenTimeIsUp() {
        const CheckPipeline pipeline(std::move(steps_),
                                     [] { return std::chrono::milliseconds(0); });
        return pipeline.OutOfTime({}, progress_);
    }

    std::vector<CheckPipeline::Step> steps_;
    CheckPipeline::Progress progress_;
    int asked_ = 0;
};

Verdict NoOpinion() {
    return Verdict::NoOpinion();
}
Verdict Refuse() {
    return Verdict::Answer("550 5.7.1 No", "no");
}
Verdict TableDown() {
    throw outage::TableUnavailable("mysql is down");
}
Verdict StoreDown() {
    throw outage::UsageStoreUnavailable("redis is down");
}

TEST_F(CheckPipelineTest, TheFirstOpinionWins) {
    Add(NoOpinion);
    Add(Refuse);
    Add([] { return Verdict::Answer("551 5.7.1 Later", "later"); });
    EXPECT_EQ(Decide(), "550 5.7.1 No");
    EXPECT_EQ(asked_, 2);
}

TEST_F(CheckPipelineTest, HasNoOpinionWhenNoCheckHasOne) {
    Add(NoOpinion);
    EXPECT_EQ(Decide(), "");
}

TEST_F(CheckPipelineTest, AnswersAnOutageWithTheActionForTheBackEndThatFailed) {
    Add(TableDown, "DEFER_IF_PERMIT 4.3.0 Later", "DUNNO");
    EXPECT_EQ(Decide(), "DEFER_IF_PERMIT 4.3.0 Later");
}

TEST_F(CheckPipelineTest, TellsWhatNobodyElseTellsAtOnceAlsoWhereSomethingElseFails) {
    const test::ScratchDirectory scratch;
    const std::string path = scratch / "log";
    log::Configure("policyd", {.destination = "file:" + path, .level = "info"});
    int asked = 0;
    Add([&asked]() -> Verdict {
        switch (++asked) {
            case 1:
                throw outage::TableRefuses("a key that cannot be compared");
            case 2:
                throw outage::TableUnavailable("the server, which tells of itself");
            default:
                throw outage::TableRefuses("a table that is not there");
        }
    });
    {
        const CheckPipeline pipeline(std::move(steps_),
                                     [] { return std::chrono::milliseconds(0); });
        for (int i = 0; i < 4; ++i) test::RunToEnd(pipeline.Decide({}, progress_ = {}));
    }
    log::Shutdown();
    const std::string told = test::ReadFile(path);
    EXPECT_THAT(told, testing::HasSubstr("unavailable: scripted: a key that cannot be compared"));
    EXPECT_THAT(told, testing::HasSubstr("unavailable: scripted: a table that is not there"));
    EXPECT_THAT(told, testing::Not(testing::HasSubstr("which tells of itself")));
}

TEST_F(CheckPipelineTest, GoesOnWithTheOtherChecksWhereAnOutageIsDunno) {
    Add(StoreDown, "DEFER_IF_PERMIT 4.3.0 Later", "DUNNO");
    Add(Refuse);
    EXPECT_EQ(Decide(), "550 5.7.1 No");
}

TEST_F(CheckPipelineTest, ARemarkIsGivenUnlessALaterCheckRefuses) {
    const auto hold = [] { return Verdict::Remark("HOLD", "client"); };
    Add(hold);
    Add(NoOpinion);
    EXPECT_EQ(Decide(), "HOLD");
    Add(hold);
    Add(Refuse);
    EXPECT_EQ(Decide(), "550 5.7.1 No");
}

TEST_F(CheckPipelineTest, GoesOnWhereWhatIsAtHandEnds) {
    AddAtHand(Verdict::Remark("HOLD", "client"));
    Add(NoOpinion);
    AddAtHand(Verdict::NoOpinion());
    const CheckPipeline pipeline(std::move(steps_), [] { return std::chrono::milliseconds(0); });
    EXPECT_FALSE(pipeline.DecideAtHand({}, progress_));
    EXPECT_EQ(asked_, 0);
    EXPECT_EQ(test::RunToEnd(pipeline.Decide({}, progress_)).action, "HOLD");
    EXPECT_EQ(asked_, 2) << "the first is not asked again";
    EXPECT_EQ(CheckPipeline::DecidedBy(Verdict::Answer("HOLD", ""), progress_), "scripted");
}

TEST_F(CheckPipelineTest, DecidesAtHandWhereEveryCheckCan) {
    AddAtHand(Verdict::NoOpinion());
    AddAtHand(Verdict::Answer("550 5.7.1 No", "no"));
    AddAtHand(Verdict::Answer("551 5.7.1 Later", "later"));
    const CheckPipeline pipeline(std::move(steps_), [] { return std::chrono::milliseconds(0); });
    const auto verdict = pipeline.DecideAtHand({}, progress_);
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->action, "550 5.7.1 No");
}

TEST_F(CheckPipelineTest, LeavesTheOpinionOfADryRunToDecide) {
    AddAtHand(Verdict::Answer("550 5.7.1 No", "no"));
    steps_.back().dry_run = true;
    const CheckPipeline pipeline(std::move(steps_), [] { return std::chrono::milliseconds(0); });
    EXPECT_FALSE(pipeline.DecideAtHand({}, progress_));
    EXPECT_EQ(test::RunToEnd(pipeline.Decide({}, progress_)).action, "");
}

TEST_F(CheckPipelineTest, OnlyLogsTheOpinionOfACheckOnDryRun) {
    Add(Refuse);
    steps_.back().dry_run = true;
    Add([] { return Verdict::Answer("551 5.7.1 Later", "later"); });
    EXPECT_EQ(Decide(), "551 5.7.1 Later");
}

TEST_F(CheckPipelineTest, WhatAnOptionSaysIsAnOpinionOnlyWhereItRefuses) {
    const auto says = [](const char* action) {
        return [action] { return Verdict::AsConfigured(action, "configured"); };
    };
    Add(says("DUNNO"));
    Add(says("HOLD look at it"));
    EXPECT_EQ(Decide(), "HOLD look at it");
    for (const char* passes_on : {"DUNNO", "dunno", "WARN of it", "hold", "PREPEND X-Seen: yes"}) {
        Add(says(passes_on));
        Add(Refuse);
        EXPECT_EQ(Decide(), "550 5.7.1 No") << passes_on;
    }
    for (const char* ends : {"DEFER_IF_PERMIT 4.3.0 Later", "DISCARD", "450 4.2.2 Later"}) {
        Add(says(ends));
        Add(Refuse);
        EXPECT_EQ(Decide(), ends);
    }
    AddAtHand(Verdict::AsConfigured("DUNNO", "configured"));
    AddAtHand(Refuse());
    const CheckPipeline pipeline(std::move(steps_), [] { return std::chrono::milliseconds(0); });
    progress_ = {};
    EXPECT_EQ(pipeline.DecideAtHand({}, progress_)->action, "550 5.7.1 No");
}

TEST_F(CheckPipelineTest, ACheckOnDryRunThatTakesTooLongHasNoOpinionEither) {
    Add(NoOpinion, "450 4.3.0 Too slow");
    steps_.back().dry_run = true;
    Add(NoOpinion, "451 4.3.0 The next");
    EXPECT_EQ(WhenTimeIsUp().verdict.action, "451 4.3.0 The next");
}

TEST_F(CheckPipelineTest, WhatHasBeenRemarkedIsGivenWhenTheTimeIsUp) {
    Add(NoOpinion);
    progress_.remarked = &steps_.front();
    progress_.remark = Verdict::Remark("HOLD suspicious", "client_access");
    EXPECT_EQ(WhenTimeIsUp().verdict.action, "HOLD suspicious");
}

TEST_F(CheckPipelineTest, EachCheckIsAnsweredForFromMemoryWhenTheTimeIsUp) {
    Add(NoOpinion);
    Add(NoOpinion, "451 4.3.0 Tables");
    static_cast<ScriptedCheck&>(*steps_.back().check).as_remembered = Verdict::NoOpinion();
    Add(NoOpinion, "452 4.3.0 Tables", "453 4.3.0 Store");
    EXPECT_EQ(WhenTimeIsUp().verdict.action, "452 4.3.0 Tables");
}

TEST_F(CheckPipelineTest, TheFailureActionWhenTheTimeIsUpIsThatOfTheBackEndThatIsWaitedFor) {
    Add(NoOpinion, "451 4.3.0 Tables", "452 4.3.0 Store");
    static_cast<ScriptedCheck&>(*steps_.back().check).waits_for =
        outage::Unavailable::BackEnd::kUsageStore;
    const CheckPipeline::Said said = WhenTimeIsUp();
    EXPECT_EQ(said.verdict.action, "452 4.3.0 Store");
    EXPECT_EQ(said.by, "scripted");
}

TEST_F(CheckPipelineTest, ChecksThatHaveBeenAskedAreNotAnsweredForWhenTheTimeIsUp) {
    Add(NoOpinion, "450 4.3.0 The first");
    Add(NoOpinion, "451 4.3.0 The second");
    progress_.next = 1;
    EXPECT_EQ(WhenTimeIsUp().verdict.action, "451 4.3.0 The second");
}

TEST_F(CheckPipelineTest, OfSeveralActionsThatLetPassTheOneThatDoesMostIsGiven) {
    const auto remarks = [](const char* action) {
        return [action] { return Verdict::AsConfigured(action, "configured"); };
    };
    Add(remarks("PREPEND X-Client: unlisted"));
    Add(remarks("hold full"));
    Add(remarks("WARN full"));
    EXPECT_EQ(Decide(), "hold full");
}

TEST_F(CheckPipelineTest, SurvivesAnyOtherException) {
    Add([]() -> Verdict { throw std::runtime_error("a bug"); }, "451 4.3.0 Later");
    EXPECT_EQ(Decide(), "451 4.3.0 Later");
}

TEST(RecipientCheckTest, RefusesOnlyUnknownAndDeferredRecipientsAndOnlyAtRcpt) {
    test::FixedRecipients recipients;
    recipients.Add("ann@example.com", {"ann@example.com"}, 0);
    recipients.AddUnknown("nobody@example.com");
    recipients.AddDeferred("later@example.com");
    RecipientCheck check(recipients.Cache(), "550 5.1.1 User unknown", {});
    const auto ask = [&check](protocol::Stage stage, std::string_view recipient) {
        protocol::PolicyRequest request;
        request.stage = stage;
        request.recipient = recipient;
        return ActionOf(check, request);
    };
    using protocol::Stage;
    EXPECT_EQ(ask(Stage::kRcpt, "nobody@example.com"), "550 5.1.1 User unknown");
    EXPECT_THAT(ask(Stage::kRcpt, "later@example.com"),
                testing::HasSubstr("DEFER_IF_PERMIT 4.1.1 "));
    EXPECT_EQ(ask(Stage::kRcpt, "ann@example.com"), "");
    EXPECT_EQ(ask(Stage::kRcpt, "someone@elsewhere.example"), "");
    EXPECT_EQ(ask(Stage::kEndOfMessage, "nobody@example.com"), "");
    recipients.down = true;
    EXPECT_THROW(ask(Stage::kRcpt, "ann@example.com"), outage::TableUnavailable);
}

}  // namespace
}  // namespace policyd::checks
