#include "policyd/checks/recipient_check.hpp"

namespace policyd::checks {

async::Task<Verdict> RecipientCheck::Evaluate(const protocol::PolicyRequest& request) {
    // A recipient that comes with a later stage was accepted at its RCPT.
    if (request.stage != protocol::Stage::kRcpt || request.recipient.empty())
        co_return Verdict::NoOpinion();

    const auto resolution = co_await recipients_.Get(request.recipient, stale_time_);
    if (resolution->kind == recipients::Resolution::Kind::kUnknown)
        co_return Verdict::Answer(unknown_recipient_action_, "unknown_recipient");
    co_return Verdict::NoOpinion();
}

}  // namespace policyd::checks
