#pragma once

#include <optional>
#include <string_view>

#include "common/async/task.hpp"
#include "common/protocol/policy_request.hpp"
#include "policyd/checks/verdict.hpp"

namespace policyd::checks {

/// One decision about a request. Owned by one loop thread; evaluates many requests at a time.
class PolicyCheck {
public:
    virtual ~PolicyCheck() = default;

    /// As it stands in the option `checks`.
    virtual std::string_view Name() const = 0;

    /// `request` outlives the returned task. Throws outage::Unavailable where it cannot tell: what
    /// is answered then is not for the check to say.
    virtual async::Task<Verdict> Evaluate(const protocol::PolicyRequest& request) = 0;

    /// The connection that asked about a message (protocol::MessageName) has gone on to another
    /// one or was closed: the message was completed or aborted, and what is kept for it can go.
    /// `message` outlives the task. Throws as Evaluate does.
    virtual async::Task<void> EndMessage(std::string_view message);

    /// The usage store cannot be asked about this request: what is said of it by what is remembered
    /// of the store. Nothing where too little is, or it is too old.
    virtual std::optional<Verdict> AsRemembered(const protocol::PolicyRequest&) {
        return std::nullopt;
    }

    /// Forgets what it remembers of tables.
    virtual void ForgetAnswers() {}
};

inline async::Task<void> PolicyCheck::EndMessage(std::string_view) {
    co_return;
}

}  // namespace policyd::checks
