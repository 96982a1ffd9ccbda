#include "policyd/checks/check_pipeline.hpp"

#include <exception>
#include <utility>

#include "common/log/logging.hpp"
#include "common/protocol/action_word.hpp"
#include "common/protocol/policy_action.hpp"
#include "common/text/utf8.hpp"

namespace policyd::checks {

namespace {

/// How long a check must have gone without an outage before it is said to be well again: answers
/// from a cache come in between.
constexpr std::chrono::seconds kQuietTime{10};

/// Why a back end fails is told of the back end; of what one refuses that answers, here alone.
constexpr std::size_t kOneReason = 1;

std::size_t ReasonsToldOf(const std::exception& failure) {
    const bool is_told = dynamic_cast<const outage::Unavailable*>(&failure) != nullptr &&
                         dynamic_cast<const outage::TableRefuses*>(&failure) == nullptr;
    return is_told ? kOneReason : outage::OutageLog::kMostReasons;
}

Verdict InPlaceOf(const std::string& failure_action, const char* reason) {
    if (protocol::IsDunno(failure_action)) return Verdict::NoOpinion();
    return Verdict::AsConfigured(failure_action, reason);
}

}  // namespace

const std::string& FailureActions::For(outage::Unavailable::BackEnd back_end) const {
    return back_end == outage::Unavailable::BackEnd::kTable ? table : usage_store;
}

CheckPipeline::CheckPipeline(std::vector<Step> steps, Clock clock, std::vector<Step> retired)
    : steps_(std::move(steps)),
      retired_(std::move(retired)),
      clock_(std::move(clock)),
      outages_(kQuietTime) {}

/// Whether `verdict` is the end; if not, the next check is to be asked.
bool CheckPipeline::IsDecided(const Step& step, Verdict& verdict, Progress& progress) {
    if (!verdict.HasOpinion()) return false;
    if (verdict.is_final) return true;
    if (protocol::IsDunno(verdict.action)) return false;
    if (progress.remarked == nullptr || protocol::Outdoes(verdict.action, progress.remark.action)) {
        progress.remark = std::move(verdict);
        progress.remarked = &step;
    }
    return false;
}

/// The verdict where no check has refused.
Verdict CheckPipeline::Remark(Progress& progress) {
    if (progress.remarked != nullptr) progress.step = progress.remarked;
    return std::move(progress.remark);
}

void CheckPipeline::Foresee(const protocol::PolicyRequest& request) const {
    for (const Step& step : steps_) step.check->Foresee(request, async::Ahead::kPlace);
}

std::optional<Verdict> CheckPipeline::DecideAtHand(const protocol::PolicyRequest& request,
                                                   Progress& progress) const {
    for (const Step& step : steps_) step.check->Foresee(request, async::Ahead::kEntry);
    if (ConcernsRetired(request)) return std::nullopt;
    for (; progress.next < steps_.size(); ++progress.next) {
        const Step& step = steps_[progress.next];
        if (step.dry_run) return std::nullopt;  // there is more to do than to answer
        std::optional<Verdict> verdict = step.check->AtHand(request);
        if (!verdict) return std::nullopt;
        outages_.Answered(step.check->Name(), clock_());
        progress.step = &step;
        if (IsDecided(step, *verdict, progress)) return verdict;
    }
    return Remark(progress);
}

/// Of a message, its end is all that one who is not asked any more has to know.
bool CheckPipeline::ConcernsRetired(const protocol::PolicyRequest& request) const {
    return !retired_.empty() && request.stage == protocol::Stage::kEndOfMessage;
}

async::Task<Verdict> CheckPipeline::Decide(const protocol::PolicyRequest& request,
                                           Progress& progress) const {
    return ConcernsRetired(request) ? AskAllAndTellRetired(request, progress)
                                    : AskAll(request, progress);
}

async::Task<Verdict> CheckPipeline::AskAllAndTellRetired(const protocol::PolicyRequest& request,
                                                         Progress& progress) const {
    Verdict verdict = co_await AskAll(request, progress);
    const bool is_let_pass = !verdict.HasOpinion() || !verdict.is_final;
    for (const Step& step : retired_) co_await WasAnswered(step, request, progress, is_let_pass);
    co_return verdict;
}

async::Task<Verdict> CheckPipeline::AskAll(const protocol::PolicyRequest& request,
                                           Progress& progress) const {
    for (; progress.next < steps_.size(); ++progress.next) {
        const Step& step = steps_[progress.next];
        progress.step = &step;
        Verdict verdict;
        bool could_tell = false;
        try {
            verdict = co_await step.check->Evaluate(request, progress.findings);
            outages_.Answered(step.check->Name(), clock_());
            could_tell = true;
        } catch (const outage::Unavailable& unavailable) {
            verdict = OnOutage(step, request, progress, unavailable);
        } catch (const std::exception& error) {
            verdict = OnError(step, error);
        }
        const bool is_only_logged = verdict.HasOpinion() && step.dry_run;
        const bool passes_on = !verdict.HasOpinion() || !verdict.is_final || is_only_logged;
        if (!could_tell || (passes_on && verdict.HasOpinion()))
            co_await WasAnswered(step, request, progress, passes_on);
        if (is_only_logged) {
            log::Info("dry run: {} would answer: {} (recipient {}, client {})", step.check->Name(),
                      verdict.action, text::EscapedForLog(request.recipient),
                      text::EscapedForLog(request.client_address));
            continue;
        }
        if (IsDecided(step, verdict, progress)) co_return verdict;
    }
    co_return Remark(progress);
}

/// What `tell(check)` leaves to be done, of every check.
template <typename Tell>
std::vector<CheckPipeline::Left> CheckPipeline::TellAll(Tell tell) const {
    std::vector<Left> left;
    for (const std::vector<Step>* steps : {&steps_, &retired_})
        for (const Step& step : *steps)
            if (PolicyCheck::Rest rest = tell(*step.check))
                left.push_back({&step, std::move(*rest)});
    return left;
}

async::Task<void> CheckPipeline::Finish(std::vector<Left> left) const {
    for (Left& each : left) {
        try {
            co_await each.task;
        } catch (const std::exception& error) {
            NoteFailure(*each.step, "end_of_message", error);
        }
    }
}

PolicyCheck::Rest CheckPipeline::RestOf(std::vector<Left> left) const {
    if (left.empty()) return std::nullopt;
    return Finish(std::move(left));
}

PolicyCheck::Rest CheckPipeline::EndMessage(std::string_view message) const {
    return RestOf(TellAll([message](PolicyCheck& check) { return check.EndMessage(message); }));
}

PolicyCheck::Rest CheckPipeline::LeaveMessage(std::string_view message) const {
    return RestOf(TellAll([message](PolicyCheck& check) { return check.LeaveMessage(message); }));
}

async::Task<void> CheckPipeline::WasLetPass(const protocol::PolicyRequest& request,
                                            Progress& progress) const {
    auto tell = [&](PolicyCheck& check) -> PolicyCheck::Rest {
        return check.WasLetPass(request, progress.findings);
    };
    return Finish(TellAll(tell));
}

async::Task<void> CheckPipeline::WasRefused(const protocol::PolicyRequest& request,
                                            Progress& progress) const {
    auto tell = [&](PolicyCheck& check) -> PolicyCheck::Rest {
        return check.WasRefused(request, progress.findings);
    };
    return Finish(TellAll(tell));
}

async::Task<void> CheckPipeline::WasAnswered(const Step& step,
                                             const protocol::PolicyRequest& request,
                                             Progress& progress, bool is_let_pass) const {
    try {
        if (is_let_pass) {
            co_await step.check->WasLetPass(request, progress.findings);
        } else {
            co_await step.check->WasRefused(request, progress.findings);
        }
    } catch (const std::exception& error) {
        NoteFailure(step, "error", error);
    }
}

void CheckPipeline::TakeOver(const CheckPipeline& predecessor, bool asks_alike) const {
    for (const Step& step : steps_)
        for (const Step& before : predecessor.steps_)
            if (before.check->Name() == step.check->Name())
                step.check->TakeOver(*before.check, asks_alike);
}

void CheckPipeline::ForgetAnswers() const {
    for (const Step& step : steps_) step.check->ForgetAnswers();
}

Verdict CheckPipeline::OnOutage(const Step& step, const protocol::PolicyRequest& request,
                                const Progress& progress,
                                const outage::Unavailable& unavailable) const {
    const bool table = unavailable.Which() == outage::Unavailable::BackEnd::kTable;
    NoteFailure(step, table ? "table" : "usage_store", unavailable);
    if (!table) {
        if (std::optional<Verdict> verdict = step.check->AsRemembered(request, progress.findings))
            return *verdict;
    }
    return InPlaceOf(step.on_failure.For(unavailable.Which()), "unavailable");
}

Verdict CheckPipeline::OnError(const Step& step, const std::exception& error) const {
    NoteFailure(step, "error", error);
    return InPlaceOf(step.on_failure.table, "failure");
}

void CheckPipeline::NoteFailure(const Step& step, std::string_view cause,
                                const std::exception& failure) const {
    outages_.Failed(step.check->Name(), failure.what(), clock_(), ReasonsToldOf(failure));
    failures_.With({step.check->Name(), cause}).Add();
}

std::string_view CheckPipeline::DecidedBy(const Verdict& verdict, const Progress& progress) {
    if (!verdict.HasOpinion() || progress.step == nullptr) return {};
    return progress.step->check->Name();
}

CheckPipeline::Said CheckPipeline::OutOfTime(const protocol::PolicyRequest& request,
                                             const Progress& progress) const {
    Progress reached;
    reached.remark = progress.remark;
    reached.remarked = progress.remarked;
    for (std::size_t i = progress.next; i < steps_.size(); ++i) {
        const Step& step = steps_[i];
        if (step.dry_run) continue;
        std::optional<Verdict> verdict = step.check->AsRemembered(request, progress.findings);
        if (!verdict) {
            const auto back_end = step.check->WaitsFor(progress.findings);
            verdict = InPlaceOf(step.on_failure.For(back_end), "out_of_time");
        }
        if (IsDecided(step, *verdict, reached)) return {*verdict, step.check->Name()};
    }
    Said said{Remark(reached), {}};
    said.by = DecidedBy(said.verdict, reached);
    return said;
}

}  // namespace policyd::checks
