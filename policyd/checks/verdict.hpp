#pragma once

#include <string>
#include <utility>

#include "common/protocol/policy_action.hpp"

namespace policyd::checks {

/// What one check says of a request.
struct Verdict {
    /// The action for Postfix (access(5)), validated by protocol/policy_action; empty: this check
    /// has no opinion, and the next one is asked.
    std::string action;
    /// Why, in one stable lower-case word or two, for metrics and log: "mailbox_full".
    const char* reason = "";
    /// False for an action that lets the request pass on (HOLD, PREPEND, WARN and their like): it
    /// is given unless a later check refuses. DUNNO is never given: the check has seen what it
    /// would refuse, and lets it pass.
    bool is_final = true;

    static Verdict NoOpinion() { return {}; }
    static Verdict Answer(std::string action, const char* reason) {
        return {std::move(action), reason, true};
    }

    /// What an option names, whichever of both that is.
    static Verdict AsConfigured(const std::string& action, const char* reason) {
        return {action, reason, !protocol::LetsPassOn(action)};
    }

    /// An action that lets the request pass on.
    static Verdict Remark(std::string action, const char* reason) {
        return {std::move(action), reason, false};
    }

    bool HasOpinion() const noexcept { return !action.empty(); }
};

}  // namespace policyd::checks
