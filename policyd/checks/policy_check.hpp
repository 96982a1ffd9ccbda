#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "common/async/fetch_ahead.hpp"
#include "common/async/task.hpp"
#include "common/outage/unavailable.hpp"
#include "common/protocol/policy_request.hpp"
#include "policyd/checks/message_tracker.hpp"
#include "policyd/checks/verdict.hpp"

namespace policyd::checks {

/// What was found out about a request on the way to its answer. It stays with the request until
/// what was told of it is put right, whatever becomes of its message meanwhile.
struct Findings {
    std::vector<TrackedRecipient> recipients;  ///< that it is about; empty as long as unknown
    /// The tables of recipients were asked about it in vain. What is remembered serves at once
    /// then: a request that waits for the same server again and again is answered by nobody.
    bool recipient_tables_failed = false;
    /// It is counted in how often its recipient was named in its message.
    bool is_counted = false;
    /// When it was first evaluated, monotonic: its end may come late.
    std::optional<std::chrono::milliseconds> asked_at{};
};

/// One decision about a request. Owned by one loop thread; evaluates many requests at a time.
class PolicyCheck {
public:
    virtual ~PolicyCheck() = default;

    /// As it stands in the option `checks`.
    virtual std::string_view Name() const = 0;

    /// `request` and `findings` outlive the returned task. Throws outage::Unavailable where it
    /// cannot tell: what is answered then is not for the check to say.
    virtual async::Task<Verdict> Evaluate(const protocol::PolicyRequest& request,
                                          Findings& findings) = 0;

    /// What Evaluate() would say, where nothing has to be waited for: most requests are answered
    /// from memory, and then cost no coroutine. Nothing where something has to be asked; that, or
    /// an opinion, leaves everything as it was, since Evaluate() may be asked all the same.
    virtual std::optional<Verdict> AtHand(const protocol::PolicyRequest&) { return std::nullopt; }

    /// Fetches from memory what AtHand() is likely to read. A decision costs little beside waiting
    /// for that: among many mailboxes hardly ever is the one at hand in the processor's caches.
    virtual void Foresee(const protocol::PolicyRequest&, async::Ahead) {}

    /// What is still to be done, if anything is.
    using Rest = std::optional<async::Task<void>>;

    /// The connection that asked about a message (protocol::MessageName) has gone on to another
    /// one: the message was completed or aborted, and what is kept for it can go. The rest throws
    /// as Evaluate does.
    virtual Rest EndMessage(std::string_view) { return std::nullopt; }

    /// A connection that asked about a message was closed. It may go on over another one.
    virtual Rest LeaveMessage(std::string_view) { return std::nullopt; }

    /// What became of a request in the place of this check's opinion, which was only logged, came
    /// too late or did not come: it was let pass, or refused. Throws as Evaluate does.
    virtual async::Task<void> WasLetPass(const protocol::PolicyRequest& request,
                                         Findings& findings);
    virtual async::Task<void> WasRefused(const protocol::PolicyRequest& request,
                                         Findings& findings);

    /// There is no time to ask about this request: what is said of it by what is remembered, which
    /// may be stale. Nothing where too little is, or it is too old; changes nothing.
    virtual std::optional<Verdict> AsRemembered(const protocol::PolicyRequest&, const Findings&) {
        return std::nullopt;
    }

    /// What kind of back end it waits for that has found this out so far.
    virtual outage::Unavailable::BackEnd WaitsFor(const Findings&) const {
        return outage::Unavailable::BackEnd::kTable;
    }

    /// Forgets what it remembers of tables.
    virtual void ForgetAnswers() {}

    /// Takes what another check of the same name remembers, whose place this one takes in front of
    /// the same usage store: it serves where a back end cannot be asked. What it remembers of
    /// tables only where `asks_alike`: both ask the same of the same tables.
    virtual void TakeOver(PolicyCheck&, bool /*asks_alike*/) {}
};

inline async::Task<void> PolicyCheck::WasLetPass(const protocol::PolicyRequest&, Findings&) {
    co_return;
}
inline async::Task<void> PolicyCheck::WasRefused(const protocol::PolicyRequest&, Findings&) {
    co_return;
}

}  // namespace policyd::checks
