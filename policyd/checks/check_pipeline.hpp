#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/async/task.hpp"
#include "common/outage/unavailable.hpp"
#include "policyd/checks/policy_check.hpp"

namespace policyd::checks {

/// What is answered in the place of a check that cannot tell; each is an action or DUNNO, which
/// lets the next check be asked.
struct FailureActions {
    std::string table;
    std::string usage_store;
    std::string out_of_time;  ///< for when the request's time is up while this check is asked

    const std::string& For(outage::Unavailable::BackEnd back_end) const;
};

/// Asks its checks in order; the first that has an opinion decides. Owned by one loop thread.
class CheckPipeline {
public:
    struct Step {
        std::unique_ptr<PolicyCheck> check;
        FailureActions on_failure;
        bool dry_run = false;  ///< its opinion is logged, and then ignored
    };

    /// How far a decision has come: whoever cannot wait for its end answers from this.
    struct Progress {
        const Step* step = nullptr;
    };

    explicit CheckPipeline(std::vector<Step> steps);

    /// Never throws what a back end threw. `request` and `progress` outlive the returned task. An
    /// empty verdict means DUNNO.
    async::Task<Verdict> Decide(const protocol::PolicyRequest& request, Progress& progress) const;

    /// Tells every check that a message has ended. Never throws what a back end threw. `message`
    /// outlives the task.
    async::Task<void> EndMessage(std::string_view message) const;

    /// What to answer when the time for a request is up.
    static Verdict OutOfTime(const Progress& progress);

private:
    std::vector<Step> steps_;
};

}  // namespace policyd::checks
