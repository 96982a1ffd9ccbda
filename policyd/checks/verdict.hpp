#pragma once

#include <string>
#include <utility>

namespace policyd::checks {

/// What one check says of a request.
struct Verdict {
    /// The action for Postfix (access(5)), validated by protocol/policy_action; empty: this check
    /// has no opinion, and the next one is asked.
    std::string action;
    /// Why, in one stable lower-case word or two, for metrics and log: "mailbox_full".
    const char* reason = "";
    /// False for an action that lets the request pass on (HOLD, PREPEND, WARN and their like): it
    /// is given unless a later check refuses.
    bool is_final = true;

    static Verdict NoOpinion() { return {}; }
    static Verdict Answer(std::string action, const char* reason) {
        return {std::move(action), reason, true};
    }

    /// An action that lets the request pass on.
    static Verdict Remark(std::string action, const char* reason) {
        return {std::move(action), reason, false};
    }

    bool HasOpinion() const noexcept { return !action.empty(); }
};

}  // namespace policyd::checks
