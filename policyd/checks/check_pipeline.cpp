#include "policyd/checks/check_pipeline.hpp"

#include <exception>
#include <utility>

#include "common/log/logging.hpp"
#include "common/protocol/policy_action.hpp"
#include "common/text/unicode.hpp"

namespace policyd::checks {

namespace {

Verdict InPlaceOf(const std::string& failure_action, const char* reason) {
    if (failure_action == protocol::kDunno) return Verdict::NoOpinion();
    return Verdict::Answer(failure_action, reason);
}

}  // namespace

const std::string& FailureActions::For(outage::Unavailable::BackEnd back_end) const {
    return back_end == outage::Unavailable::BackEnd::kTable ? table : usage_store;
}

CheckPipeline::CheckPipeline(std::vector<Step> steps) : steps_(std::move(steps)) {}

async::Task<Verdict> CheckPipeline::Decide(const protocol::PolicyRequest& request,
                                           Progress& progress) const {
    for (const Step& step : steps_) {
        progress.step = &step;
        Verdict verdict;
        try {
            verdict = co_await step.check->Evaluate(request);
        } catch (const outage::Unavailable& unavailable) {
            log::Warning("unavailable: {}: {}", step.check->Name(), unavailable.what());
            verdict = InPlaceOf(step.on_failure.For(unavailable.Which()), "unavailable");
        } catch (const std::exception& error) {
            log::Error("failure: {}: {}", step.check->Name(), error.what());
            verdict = InPlaceOf(step.on_failure.table, "failure");
        }
        if (verdict.HasOpinion() && step.dry_run) {
            log::Info("dry run: {} would answer: {} (recipient {}, client {})", step.check->Name(),
                      verdict.action, text::EscapedForLog(request.recipient),
                      text::EscapedForLog(request.client_address));
            continue;
        }
        if (verdict.HasOpinion()) co_return verdict;
    }
    co_return Verdict::NoOpinion();
}

async::Task<void> CheckPipeline::EndMessage(std::string_view message) const {
    for (const Step& step : steps_) {
        try {
            co_await step.check->EndMessage(message);
        } catch (const std::exception& error) {
            log::Warning("unavailable: {}: {}", step.check->Name(), error.what());
        }
    }
}

Verdict CheckPipeline::OutOfTime(const Progress& progress) {
    if (progress.step == nullptr) return Verdict::NoOpinion();
    return InPlaceOf(progress.step->on_failure.out_of_time, "out_of_time");
}

}  // namespace policyd::checks
