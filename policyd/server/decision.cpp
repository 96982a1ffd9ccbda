#include "policyd/server/decision.hpp"

#include <exception>
#include <utility>

#include "common/log/logging.hpp"
#include "common/text/reused_room.hpp"

namespace policyd::server {

void Decision::Start(const std::shared_ptr<Decision>& decision,
                     std::shared_ptr<services::Services> services) {
    decision->checks_ = &services->Checks();
    async::Spawn(Decide(decision, services), [decision, services](std::exception_ptr failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log::Error("failure: a request was not decided: {}", error.what());
        }
        decision->Finish(services->Checks().OutOfTime(decision->request, decision->progress));
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
        const bool was_let_pass = lets_pass(decision->said_.verdict);
        if (was_let_pass && !lets_pass(verdict))
            co_await services->Checks().WasLetPass(decision->request, decision->progress);
        if (!was_let_pass)
            co_await services->Checks().WasRefused(decision->request, decision->progress);
    }
    const std::string_view by = checks::CheckPipeline::DecidedBy(verdict, decision->progress);
    decision->Finish({std::move(verdict), by});
}

void Decision::Finish(checks::CheckPipeline::Said said) {
    if (done_) return;
    said_ = std::move(said);
    done_ = true;
    if (waiting_) std::exchange(waiting_, nullptr).resume();
}

void Decision::Expire() {
    if (done_) return;
    expired_ = true;
    Finish(checks_->OutOfTime(request, progress));
}

void Decision::Reset() {
    text::ClearForReuse(bytes);
    request = {};
    progress = {};
    said_ = {};
    checks_ = nullptr;
    done_ = false;
    waiting_ = nullptr;
}

}  // namespace policyd::server
