#pragma once

#include <string>

#include "policyd/checks/policy_check.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::checks {

/// What a check says of a request by itself.
inline std::string ActionOf(PolicyCheck& check, const protocol::PolicyRequest& request) {
    Findings findings;
    return test::RunToEnd(check.Evaluate(request, findings)).action;
}

}  // namespace policyd::checks
