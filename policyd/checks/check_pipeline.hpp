#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/async/task.hpp"
#include "common/metrics/series.hpp"
#include "common/outage/outage_log.hpp"
#include "common/outage/unavailable.hpp"
#include "policyd/checks/policy_check.hpp"

namespace policyd::checks {

/// What is answered in the place of a check that cannot tell; each is an action or DUNNO, which
/// lets the next check be asked.
struct FailureActions {
    std::string table;
    std::string usage_store;

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
        const Step* step = nullptr;      ///< the last that was asked
        std::size_t next = 0;            ///< of the steps
        Verdict remark;                  ///< what is said unless a later check refuses
        const Step* remarked = nullptr;  ///< who said it
        Findings findings;
    };

    /// Monotonic.
    using Clock = std::function<std::chrono::milliseconds()>;

    /// `retired` are checks that were among the steps before a reload: they are asked nothing, and
    /// told what becomes of the messages that they were asked about.
    CheckPipeline(std::vector<Step> steps, Clock clock, std::vector<Step> retired = {});

    /// To be told of a request as soon as it is known, and then to decide.
    void Foresee(const protocol::PolicyRequest& request) const;

    /// Decides as far as that takes no waiting: the verdict if it is the end, else nothing, and
    /// Decide() goes on from there.
    std::optional<Verdict> DecideAtHand(const protocol::PolicyRequest& request,
                                        Progress& progress) const;

    /// Never throws what a back end threw. `request` and `progress` outlive the returned task. An
    /// empty verdict means DUNNO.
    async::Task<Verdict> Decide(const protocol::PolicyRequest& request, Progress& progress) const;

    /// Tells every check that a message has ended. What is left to be done, if anything is, never
    /// throws what a back end threw, and needs the pipeline only.
    PolicyCheck::Rest EndMessage(std::string_view message) const;
    /// Likewise that a connection which asked about it was closed.
    PolicyCheck::Rest LeaveMessage(std::string_view message) const;

    /// Tells every check that the request was answered otherwise than Decide() came to say: it had
    /// taken too long. Never throws what a back end threw.
    async::Task<void> WasLetPass(const protocol::PolicyRequest& request, Progress& progress) const;
    async::Task<void> WasRefused(const protocol::PolicyRequest& request, Progress& progress) const;

    /// Has every check forget what it remembers of tables.
    void ForgetAnswers() const;
    /// Has every check take over what its like among others remembers (PolicyCheck::TakeOver).
    void TakeOver(const CheckPipeline& predecessor, bool asks_alike) const;

    /// The name of the check whose opinion a verdict is; empty where none has one.
    static std::string_view DecidedBy(const Verdict& verdict, const Progress& progress);

    /// What is said in the end, and by which check.
    struct Said {
        Verdict verdict;
        std::string_view by;  ///< as in DecidedBy()
    };
    /// What to answer when the time for a request is up: each check that has not said anything yet
    /// says what it remembers, or else has the failure action of the back end that it waits for.
    /// Changes nothing: Decide() goes on.
    Said OutOfTime(const protocol::PolicyRequest& request, const Progress& progress) const;

private:
    /// What is left to be done for one check.
    struct Left {
        const Step* step;
        async::Task<void> task;
    };

    async::Task<Verdict> AskAll(const protocol::PolicyRequest& request, Progress& progress) const;
    async::Task<Verdict> AskAllAndTellRetired(const protocol::PolicyRequest& request,
                                              Progress& progress) const;
    bool ConcernsRetired(const protocol::PolicyRequest& request) const;
    template <typename Tell>
    std::vector<Left> TellAll(Tell tell) const;
    PolicyCheck::Rest RestOf(std::vector<Left> left) const;
    async::Task<void> Finish(std::vector<Left> left) const;
    static Verdict Remark(Progress& progress);
    static bool IsDecided(const Step& step, Verdict& verdict, Progress& progress);
    async::Task<void> WasAnswered(const Step& step, const protocol::PolicyRequest& request,
                                  Progress& progress, bool is_let_pass) const;
    Verdict OnOutage(const Step& step, const protocol::PolicyRequest& request,
                     const Progress& progress, const outage::Unavailable& unavailable) const;
    Verdict OnError(const Step& step, const std::exception& error) const;
    void NoteFailure(const Step& step, std::string_view cause, const std::exception& failure) const;

    const std::vector<Step> steps_;
    const std::vector<Step> retired_;
    const Clock clock_;
    // What is told of outages is no part of what is decided.
    mutable outage::OutageLog outages_;
    mutable metrics::CounterFamily failures_{metrics::Metric::kCheckFailures};
};

}  // namespace policyd::checks
