#include "policyd/checks/recipient_check.hpp"

namespace policyd::checks {

namespace {

/// A recipient that comes with a later stage was accepted at its RCPT.
bool IsConcerned(const protocol::PolicyRequest& request) {
    return request.stage == protocol::Stage::kRcpt && !request.recipient.empty();
}

}  // namespace

Verdict RecipientCheck::VerdictOn(const recipients::Resolution& resolution) const {
    if (resolution.kind != recipients::Resolution::Kind::kUnknown) return Verdict::NoOpinion();
    return Verdict::AsConfigured(unknown_recipient_action_, "unknown_recipient");
}

void RecipientCheck::Foresee(const protocol::PolicyRequest& request, async::Ahead what) {
    if (IsConcerned(request)) recipients_.Fetch(request.recipient, what);
}

std::optional<Verdict> RecipientCheck::AtHand(const protocol::PolicyRequest& request) {
    if (!IsConcerned(request)) return Verdict::NoOpinion();
    const recipients::Resolution* const resolution = recipients_.AtHand(request.recipient);
    if (resolution == nullptr) return std::nullopt;
    async::FetchAhead(resolution->mailboxes.data());  // the checks that follow look at them
    return VerdictOn(*resolution);
}

async::Task<Verdict> RecipientCheck::Evaluate(const protocol::PolicyRequest& request, Findings&) {
    if (!IsConcerned(request)) co_return Verdict::NoOpinion();
    const auto resolution = co_await recipients_.Get(request.recipient, stale_time_);
    co_return VerdictOn(*resolution);
}

}  // namespace policyd::checks
