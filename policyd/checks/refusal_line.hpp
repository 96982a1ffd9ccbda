#pragma once

#include <string>
#include <vector>

#include "common/protocol/policy_request.hpp"
#include "policyd/checks/verdict.hpp"

namespace policyd::checks {

/// What the log says of a request that is refused for want of room in these mailboxes. Postfix's
/// log has the answer; but not which target of an alias it is about, nor, at the end of a message
/// with several recipients, any of them.
std::string RefusalLine(const protocol::PolicyRequest& request, const Verdict& verdict,
                        const std::vector<std::string>& full);

}  // namespace policyd::checks
