#include "policyd/checks/check_pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/log/logging.hpp"
#include "common/metrics/series.hpp"
#include "tests/support/scratch_directory.hpp"
#include "tests/unit/policyd/checks/action_of.hpp"

namespace policyd::checks {
namespace {

std::chrono::milliseconds AtTheBeginning() {
    return std::chrono::milliseconds(0);
}

class ScriptedCheck final : public PolicyCheck {
public:
    using Script = std::function<Verdict()>;
    ScriptedCheck(Script script, int& asked) : script_(std::move(script)), asked_(asked) {}

    std::string_view Name() const override { return name; }
    async::Task<Verdict> Evaluate(const protocol::PolicyRequest&, Findings&) override {
        ++asked_;
        co_return script_();
    }

    std::optional<Verdict> AtHand(const protocol::PolicyRequest&) override { return at_hand; }
    std::optional<Verdict> AsRemembered(const protocol::PolicyRequest&, const Findings&) override {
        return as_remembered;
    }
    outage::Unavailable::BackEnd WaitsFor(const Findings&) const override { return waits_for; }
    async::Task<void> WasLetPass(const protocol::PolicyRequest&, Findings&) override {
        told += "let pass, ";
        co_return;
    }
    async::Task<void> WasRefused(const protocol::PolicyRequest&, Findings&) override {
        told += "refused, ";
        if (fails_when_told) throw outage::UsageStoreUnavailable("redis is down");
        co_return;
    }
    Rest EndMessage(std::string_view message) override {
        told += std::string(message) + " ended, ";
        if (!fails_when_told) return std::nullopt;
        return Fail();
    }
    Rest LeaveMessage(std::string_view message) override {
        told += std::string(message) + " left, ";
        return std::nullopt;
    }
    void ForgetAnswers() override { told += "forget, "; }
    void TakeOver(PolicyCheck& before, bool asks_alike) override {
        told += "take over " + std::string(before.Name()) + (asks_alike ? ", " : " from others, ");
    }

    std::string_view name = "scripted";  ///< may outlive the check
    std::string told;
    bool fails_when_told = false;
    std::optional<Verdict> at_hand;
    std::optional<Verdict> as_remembered;
    outage::Unavailable::BackEnd waits_for = outage::Unavailable::BackEnd::kTable;

private:
    static async::Task<void> Fail() {
        throw outage::UsageStoreUnavailable("redis is down");
        co_return;
    }

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
        Last().at_hand = verdict;
    }

    /// The check that was added last.
    ScriptedCheck& Last() { return static_cast<ScriptedCheck&>(*steps_.back().check); }

    /// What a check that says this is told of a request itself.
    std::string ToldOf(ScriptedCheck::Script script, const std::string& failure = "DUNNO",
                       bool dry_run = false) {
        Add(std::move(script), failure, failure);
        steps_.back().dry_run = dry_run;
        const ScriptedCheck& check = Last();
        const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
        progress_ = {};
        test::RunToEnd(pipeline.Decide({}, progress_));
        return check.told;
    }

    std::string Decide() {
        const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
        progress_ = {};
        return test::RunToEnd(pipeline.Decide({}, progress_)).action;
    }

    CheckPipeline::Said WhenTimeIsUp() {
        const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
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
        const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
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
    const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
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
    const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
    const auto verdict = pipeline.DecideAtHand({}, progress_);
    ASSERT_TRUE(verdict);
    EXPECT_EQ(verdict->action, "550 5.7.1 No");
}

TEST_F(CheckPipelineTest, LeavesTheOpinionOfADryRunToDecide) {
    AddAtHand(Verdict::Answer("550 5.7.1 No", "no"));
    steps_.back().dry_run = true;
    const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
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
    const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
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
    Last().as_remembered = Verdict::NoOpinion();
    Add(NoOpinion, "452 4.3.0 Tables", "453 4.3.0 Store");
    EXPECT_EQ(WhenTimeIsUp().verdict.action, "452 4.3.0 Tables");
}

TEST_F(CheckPipelineTest, TheFailureActionWhenTheTimeIsUpIsThatOfTheBackEndThatIsWaitedFor) {
    Add(NoOpinion, "451 4.3.0 Tables", "452 4.3.0 Store");
    Last().waits_for = outage::Unavailable::BackEnd::kUsageStore;
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

TEST_F(CheckPipelineTest, WhatIsRememberedServesInAnOutageOfTheUsageStoreNotOfTheTables) {
    for (const auto& [script, action] :
         {std::pair(&StoreDown, ""), std::pair(&TableDown, "450 Tables")}) {
        Add(script, "450 Tables", "451 Store");
        Last().as_remembered = Verdict::NoOpinion();
        EXPECT_EQ(Decide(), action);
    }
}

TEST_F(CheckPipelineTest, ACheckIsToldWhatBecameOfARequestWhereItsOpinionIsNotWhatWasSaid) {
    const auto remark = [] { return Verdict::Remark("HOLD", "held"); };
    EXPECT_EQ(ToldOf(NoOpinion), "");
    EXPECT_EQ(ToldOf(NoOpinion, "", true), "");
    EXPECT_EQ(ToldOf(Refuse), "");
    EXPECT_EQ(ToldOf(Refuse, "", true), "let pass, ");
    EXPECT_EQ(ToldOf(remark), "let pass, ");
    for (const auto script : {&TableDown, &StoreDown}) {
        EXPECT_EQ(ToldOf(script), "let pass, ");
        EXPECT_EQ(ToldOf(script, "HOLD"), "let pass, ");
        EXPECT_EQ(ToldOf(script, "450 Later"), "refused, ");
        EXPECT_EQ(ToldOf(script, "450 Later", true), "let pass, ");
    }
}

TEST_F(CheckPipelineTest, AnOutageWhileACheckIsToldChangesNoAnswer) {
    Add(StoreDown, "450 Tables", "451 Store");
    Last().fails_when_told = true;
    const double failures = metrics::Value(metrics::Metric::kCheckFailures, {"scripted", "error"});
    EXPECT_EQ(Decide(), "451 Store");
    EXPECT_EQ(metrics::Value(metrics::Metric::kCheckFailures, {"scripted", "error"}), failures + 1);
}

TEST_F(CheckPipelineTest, CountsOutagesByTheBackEnd) {
    for (const auto& [script, cause] :
         {std::pair(&TableDown, "table"), std::pair(&StoreDown, "usage_store")}) {
        const double failures =
            metrics::Value(metrics::Metric::kCheckFailures, {"scripted", cause});
        Add(script);
        EXPECT_EQ(Decide(), "");
        EXPECT_EQ(metrics::Value(metrics::Metric::kCheckFailures, {"scripted", cause}),
                  failures + 1);
    }
}

TEST_F(CheckPipelineTest, WhoIsNotAskedAnyMoreIsToldOfTheEndOfMessages) {
    protocol::PolicyRequest end;
    end.stage = protocol::Stage::kEndOfMessage;
    for (const auto& [verdict, told] :
         {std::pair(Refuse(), "refused, "), std::pair(Verdict::NoOpinion(), "let pass, "),
          std::pair(Verdict::Remark("HOLD", "held"), "let pass, ")}) {
        Add(NoOpinion);
        ScriptedCheck& retired = Last();
        std::vector<CheckPipeline::Step> before = std::move(steps_);
        steps_.clear();
        AddAtHand(verdict);
        const CheckPipeline pipeline(std::move(steps_), AtTheBeginning, std::move(before));
        EXPECT_EQ(pipeline.DecideAtHand({}, progress_ = {})->action, verdict.action);
        test::RunToEnd(pipeline.Decide({}, progress_ = {}));
        EXPECT_EQ(retired.told, "") << "it is asked about no other stage";
        EXPECT_FALSE(pipeline.DecideAtHand(end, progress_ = {}));
        test::RunToEnd(pipeline.Decide(end, progress_ = {}));
        EXPECT_EQ(retired.told, told);
        EXPECT_EQ(asked_, 2) << "it is asked nothing";
        asked_ = 0;
        retired.told.clear();
        EXPECT_FALSE(pipeline.EndMessage("m1"));
        EXPECT_FALSE(pipeline.LeaveMessage("m2"));
        EXPECT_EQ(retired.told, "m1 ended, m2 left, ");
        steps_.clear();
    }
}

TEST_F(CheckPipelineTest, EveryCheckIsToldOfTheEndOfAMessageAlsoWhereOneFails) {
    Add(NoOpinion);
    Last().fails_when_told = true;
    ScriptedCheck& first = Last();
    Add(NoOpinion);
    ScriptedCheck& second = Last();
    const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
    PolicyCheck::Rest rest = pipeline.EndMessage("m1");
    ASSERT_TRUE(rest.has_value());
    test::RunToEnd(std::move(*rest));
    test::RunToEnd(pipeline.WasRefused({}, progress_));
    test::RunToEnd(pipeline.WasLetPass({}, progress_));
    pipeline.ForgetAnswers();
    for (const ScriptedCheck* check : {&first, &second})
        EXPECT_EQ(check->told, "m1 ended, refused, let pass, forget, ");
}

TEST_F(CheckPipelineTest, ACheckTakesOverFromItsLikeAlone) {
    const auto named = [this](const char* name) {
        Add(NoOpinion);
        Last().name = name;
    };
    named("quota");
    named("clients");
    const CheckPipeline before(std::move(steps_), AtTheBeginning);
    steps_.clear();
    named("clients");
    const ScriptedCheck& clients = Last();
    named("recipients");
    const ScriptedCheck& recipients = Last();
    const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
    pipeline.TakeOver(before, true);
    pipeline.TakeOver(before, false);
    EXPECT_EQ(clients.told, "take over clients, take over clients from others, ");
    EXPECT_EQ(recipients.told, "");
}

TEST_F(CheckPipelineTest, WhatIsSaidIsOfTheCheckThatSaidItAlsoWhereOthersWereAskedSince) {
    const auto named = [this](const char* name, const Verdict& verdict) {
        AddAtHand(verdict);
        Last().name = name;
    };
    named("clients", Verdict::Remark("HOLD", "held"));
    named("quota", Verdict::NoOpinion());
    const CheckPipeline pipeline(std::move(steps_), AtTheBeginning);
    Verdict verdict = test::RunToEnd(pipeline.Decide({}, progress_ = {}));
    EXPECT_EQ(CheckPipeline::DecidedBy(verdict, progress_), "clients");
    verdict = *pipeline.DecideAtHand({}, progress_ = {});
    EXPECT_EQ(CheckPipeline::DecidedBy(verdict, progress_), "clients");
    EXPECT_EQ(CheckPipeline::DecidedBy(Verdict::NoOpinion(), progress_), "");
    progress_.next = 1;
    progress_.remark = Verdict::Remark("HOLD", "held");
    EXPECT_EQ(pipeline.OutOfTime({}, progress_).by, "clients");
    steps_.clear();
    named("clients", Refuse());
    const CheckPipeline refuses(std::move(steps_), AtTheBeginning);
    verdict = *refuses.DecideAtHand({}, progress_ = {});
    EXPECT_EQ(CheckPipeline::DecidedBy(verdict, progress_), "clients");
}

}  // namespace
}  // namespace policyd::checks
