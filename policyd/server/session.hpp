#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/async/stream.hpp"
#include "common/protocol/request_parser.hpp"
#include "policyd/server/decision.hpp"
#include "policyd/server/session_metrics.hpp"

namespace policyd::server {

/// The time limits of a connection.
struct SessionLimits {
    std::chrono::milliseconds request_time{2'000};   ///< from a request's end to its answer
    std::chrono::milliseconds receive_time{30'000};  ///< from a request's first byte to its last
    std::chrono::milliseconds send_time{10'000};     ///< for the peer to take an answer
    std::chrono::milliseconds idle_time{1'015'000};  ///< between requests
};

/// One connection of a Postfix: takes its requests one after the other and answers each once. Owned
/// by one loop thread; what is passed by reference outlives it.
class Session {
public:
    using Clock = std::function<std::chrono::milliseconds()>;
    /// The services that decide a request that comes now; a reload changes them.
    using CurrentServices = std::function<const std::shared_ptr<services::Services>&()>;

    /// `postfix_host` names the peer (PolicyRequest::postfix_host).
    Session(async::UvHandle<uv_any_handle> socket, std::string postfix_host,
            const SessionLimits& limits, const Clock& clock, const CurrentServices& services,
            SessionMetrics& metrics);

    /// Serves the connection to its end. Awaited once; the session outlives the task.
    async::Task<> Serve();

    /// To be called every now and then: ends what has taken too long.
    void CheckTime(std::chrono::milliseconds now);

    /// Answers the request that is being decided, if there is one, and closes then.
    void Close();
    /// The same at the end of the process: what the message under way holds stays reserved, since
    /// the next process will not know of its recipients.
    void CloseForGood();

    std::chrono::milliseconds LastActive() const noexcept { return active_since_; }
    bool IsIdle() const noexcept { return phase_ == Phase::kIdle; }

private:
    enum class Phase { kIdle, kReceiving, kDeciding, kSending };

    bool HasAnswerAtHand();
    void TakeRequest(const protocol::PolicyRequest& request,
                     checks::CheckPipeline::Progress progress);
    async::Task<bool> Answer();
    void SetReply(const checks::Verdict& verdict, std::string_view by);
    void GoOnTo(const protocol::PolicyRequest& request);
    void Enter(Phase phase);
    static std::string_view PhaseName(Phase phase);
    std::chrono::milliseconds TimeLimit() const;

    async::Stream stream_;
    /// Requests point into it, and decisions may outlive the session.
    const std::shared_ptr<const std::string> postfix_host_;
    const SessionLimits& limits_;
    const Clock& clock_;
    const CurrentServices& services_;
    SessionMetrics& metrics_;
    protocol::RequestParser parser_;
    std::shared_ptr<Decision> decision_;
    std::string message_;  // protocol::MessageName of the last request that had one
    SessionMetrics::Clock::time_point request_came_;
    std::string reply_;
    Phase phase_ = Phase::kIdle;
    std::chrono::milliseconds active_since_;  // when this phase began
    bool closing_ = false;
    bool keeps_reservations_ = false;
};

}  // namespace policyd::server
