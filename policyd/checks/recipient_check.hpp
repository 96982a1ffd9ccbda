#pragma once

#include <string>

#include "common/recipients/recipient_cache.hpp"
#include "policyd/checks/policy_check.hpp"

namespace policyd::checks {

/// Refuses recipients that do not exist in the domains of this system, and for now those whose
/// transport is `retry:`; says nothing of others. What `error:`, `retry:` or relocated_maps have
/// for the sender is said as smtpd(8) does, unless the action for unknown recipients is none that
/// refuses for good.
class RecipientCheck final : public PolicyCheck {
public:
    /// While the tables cannot be asked, answers serve that have been stale for less than
    /// `stale_time`.
    RecipientCheck(recipients::RecipientCache& recipients, std::string unknown_recipient_action,
                   std::chrono::milliseconds stale_time)
        : recipients_(recipients),
          unknown_recipient_action_(std::move(unknown_recipient_action)),
          stale_time_(stale_time) {}

    std::string_view Name() const override { return "recipient"; }
    async::Task<Verdict> Evaluate(const protocol::PolicyRequest& request,
                                  Findings& findings) override;
    void Foresee(const protocol::PolicyRequest& request, async::Ahead what) override;
    std::optional<Verdict> AtHand(const protocol::PolicyRequest& request) override;
    std::optional<Verdict> AsRemembered(const protocol::PolicyRequest& request,
                                        const Findings& findings) override;

private:
    Verdict VerdictOn(const recipients::Resolution& resolution) const;

    recipients::RecipientCache& recipients_;
    const std::string unknown_recipient_action_;
    const std::chrono::milliseconds stale_time_;
};

}  // namespace policyd::checks
