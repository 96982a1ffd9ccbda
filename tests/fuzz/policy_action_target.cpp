#include <algorithm>
#include <stdexcept>

#include "common/protocol/policy_action.hpp"
#include "tests/fuzz/targets.hpp"

namespace policyd::fuzz {

void RunPolicyAction(std::string_view bytes) {
    protocol::PermitsOutright(bytes);
    try {
        const std::string action = protocol::ValidatedRefusalOrDunno(bytes);
        Require(!protocol::PermitsOutright(action), "what is accepted does not permit");
        Require(!action.empty() && action.size() <= 400, "it fits into an SMTP reply");
        const std::string reply = protocol::ReplyFor(action);
        Require(std::count(reply.begin(), reply.end(), '\n') == 2 && reply.ends_with("\n\n"),
                "the reply is one line");
        Require(protocol::ValidatedRefusalOrDunno(action) == action, "it is accepted again");
    } catch (const std::invalid_argument&) {
    }
}

}  // namespace policyd::fuzz
