#include "policyd/server/decision.hpp"

#include <exception>
#include <utility>

#include "common/log/logging.hpp"

namespace policyd::server {

void Decision::Start(const std::shared_ptr<Decision>& decision,
                     std::shared_ptr<services::Services> services) {
    async::Spawn(Decide(decision, std::move(services)), [decision](std::exception_ptr failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log::Error("failure: a request was not decided: {}", error.what());
        }
        decision->Finish(checks::CheckPipeline::OutOfTime(decision->progress));
    });
}

async::Task<void> Decision::Decide(std::shared_ptr<Decision> decision,
                                   std::shared_ptr<services::Services> services) {
    checks::Verdict verdict =
        co_await services->Checks().Decide(decision->request, decision->progress);
    if (decision->expired_) {
        const auto lets_pass = [](const checks::Verdict& said) {
            return !said.HasOpinion() || !said.is_final;
        };
        const bool was_let_pass = lets_pass(decision->verdict_);
        if (was_let_pass && !lets_pass(verdict))
            co_await services->Checks().WasLetPass(decision->request, decision->progress);
        if (!was_let_pass)
            co_await services->Checks().WasRefused(decision->request, decision->progress);
    }
    decision->Finish(std::move(verdict));
}

void Decision::Finish(checks::Verdict verdict) {
    if (done_) return;
    verdict_ = std::move(verdict);
    done_ = true;
    if (waiting_) std::exchange(waiting_, nullptr).resume();
}

void Decision::Expire() {
    if (done_) return;
    expired_ = true;
    Finish(checks::CheckPipeline::OutOfTime(progress));
}

void Decision::Reset() {
    bytes.clear();
    request = {};
    progress = {};
    verdict_ = {};
    done_ = false;
    waiting_ = nullptr;
}

}  // namespace policyd::server
