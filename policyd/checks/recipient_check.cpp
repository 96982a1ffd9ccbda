#include "policyd/checks/recipient_check.hpp"

#include "policyd/checks/access_result.hpp"
#include "policyd/checks/resolve.hpp"

namespace policyd::checks {

namespace {

/// Postfix makes a 450 of it; who is refused anyway is refused for good.
constexpr std::string_view kDefer = "DEFER_IF_PERMIT";

/// A recipient that comes with a later stage was accepted at its RCPT.
bool IsConcerned(const protocol::PolicyRequest& request) {
    return request.stage == protocol::Stage::kRcpt && !request.recipient.empty();
}

}  // namespace

Verdict RecipientCheck::VerdictOn(const recipients::Resolution& resolution) const {
    const std::string_view text =
        resolution.refusal ? std::string_view(*resolution.refusal) : std::string_view();
    switch (resolution.kind) {
        case recipients::Resolution::Kind::kUnknown:
            if (RefusesForGood(unknown_recipient_action_)) {
                if (auto action = protocol::ActionWithText("550", "5.1.1", text))
                    return Verdict::Answer(*std::move(action), "unknown_recipient");
            }
            return Verdict::AsConfigured(unknown_recipient_action_, "unknown_recipient");
        case recipients::Resolution::Kind::kDeferred:
            return Verdict::Answer(
                protocol::ActionWithText(kDefer, "4.1.1", text)
                    .value_or(std::string(kDefer) + " 4.1.1 Address is undeliverable for now"),
                "deferred_recipient");
        case recipients::Resolution::Kind::kNotOurs:
        case recipients::Resolution::Kind::kKnown:
            break;
    }
    return Verdict::NoOpinion();
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

async::Task<Verdict> RecipientCheck::Evaluate(const protocol::PolicyRequest& request,
                                              Findings& findings) {
    if (!IsConcerned(request)) co_return Verdict::NoOpinion();
    const auto resolution = co_await Resolve(recipients_, request.recipient, stale_time_, findings);
    co_return VerdictOn(*resolution);
}

std::optional<Verdict> RecipientCheck::AsRemembered(const protocol::PolicyRequest& request,
                                                    const Findings&) {
    if (!IsConcerned(request)) return Verdict::NoOpinion();
    const auto resolution = recipients_.Remembered(request.recipient, stale_time_);
    if (!resolution) return std::nullopt;
    return VerdictOn(*resolution);
}

}  // namespace policyd::checks
