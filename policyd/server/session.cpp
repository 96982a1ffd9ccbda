#include "policyd/server/session.hpp"

#include <exception>
#include <utility>

#include "common/log/logging.hpp"
#include "common/protocol/message_name.hpp"
#include "common/protocol/policy_action.hpp"
#include "common/text/unicode.hpp"

namespace policyd::server {

namespace {

using protocol::RequestParser;

async::Task<void> EndMessage(std::string message, std::shared_ptr<services::Services> services) {
    co_await services->Checks().EndMessage(message);
}

async::Task<void> LeaveMessage(std::string message, std::shared_ptr<services::Services> services) {
    co_await services->Checks().LeaveMessage(message);
}

void LogFailure(std::exception_ptr failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        log::Error("failure: a message was not ended: {}", error.what());
    }
}

}  // namespace

Session::Session(async::UvHandle<uv_any_handle> socket, std::string postfix_host,
                 const SessionLimits& limits, const Clock& clock, const CurrentServices& services,
                 SessionMetrics& metrics)
    : stream_(std::move(socket), protocol::kLongestRequest),
      postfix_host_(std::move(postfix_host)),
      limits_(limits),
      clock_(clock),
      services_(services),
      metrics_(metrics),
      decision_(std::make_shared<Decision>()),
      active_since_(clock()) {}

async::Task<> Session::Serve() {
    for (bool open = true; open && !closing_;) {
        switch (parser_.Parse(stream_.Received())) {
            case RequestParser::Parsed::kComplete:
                TakeRequest();
                open = co_await Answer();
                break;
            case RequestParser::Parsed::kIncomplete:
                Enter(stream_.Received().empty() ? Phase::kIdle : Phase::kReceiving);
                open = co_await stream_.Read();
                break;
            case RequestParser::Parsed::kMalformed:
                metrics_.malformed.Add();
                if (metrics_.warnings.Take(clock_()))
                    log::Warning("malformed request from {}: {}", postfix_host_, parser_.Problem());
                open = false;
                break;
        }
    }
    if (!message_.empty())
        async::Spawn(LeaveMessage(std::exchange(message_, {}), services_()), &LogFailure);
    stream_.Abort();
}

/// Moves the request's bytes to the decision. The views into them stay good: a string that is
/// longer than its own object keeps its place when it is moved.
void Session::TakeRequest() {
    std::string& received = stream_.Received();
    const std::size_t length = parser_.Length();
    std::string rest = std::exchange(decision_->bytes, {});
    rest.assign(received, length);
    decision_->bytes = std::exchange(received, std::move(rest));
    decision_->request = parser_.Request();
    decision_->request.postfix_host = postfix_host_;
}

async::Task<bool> Session::Answer() {
    const std::string message = protocol::MessageName(decision_->request);
    if (!message.empty()) EndMessageUnless(message);

    metrics_.CountRequest(decision_->request.stage);
    const auto began = SessionMetrics::Clock::now();
    Enter(Phase::kDeciding);
    Decision::Start(decision_, services_());
    const checks::Verdict& verdict = co_await decision_->Verdict();
    reply_ = protocol::ReplyFor(verdict.HasOpinion() ? verdict.action : protocol::kDunno);
    metrics_.CountAnswer(decision_->DecidedBy(), verdict.reason,
                         SessionMetrics::Clock::now() - began);
    if (decision_->HasExpired()) {
        decision_ = std::make_shared<Decision>();
    } else {
        decision_->Reset();
    }
    Enter(Phase::kSending);
    co_return co_await stream_.Write(reply_);
}

/// The connection asks about `message` now, so the one before has ended.
void Session::EndMessageUnless(std::string_view message) {
    if (message_ == message) return;
    std::string ended = std::exchange(message_, std::string(message));
    if (ended.empty()) return;
    async::Spawn(EndMessage(std::move(ended), services_()), &LogFailure);
}

void Session::Enter(Phase phase) {
    // The time for receiving a request runs from its first byte, whatever comes after.
    if (phase == Phase::kReceiving && phase_ == Phase::kReceiving) return;
    phase_ = phase;
    active_since_ = clock_();
}

std::string_view Session::PhaseName(Phase phase) {
    switch (phase) {
        case Phase::kIdle:
            return "idle";
        case Phase::kReceiving:
            return "receiving";
        case Phase::kDeciding:
            return "deciding";
        case Phase::kSending:
            return "sending";
    }
    return "";
}

std::chrono::milliseconds Session::TimeLimit() const {
    switch (phase_) {
        case Phase::kIdle:
            return limits_.idle_time;
        case Phase::kReceiving:
            return limits_.receive_time;
        case Phase::kDeciding:
            return limits_.request_time;
        case Phase::kSending:
            return limits_.send_time;
    }
    return limits_.idle_time;
}

void Session::CheckTime(std::chrono::milliseconds now) {
    if (now - active_since_ < TimeLimit()) return;
    if (phase_ == Phase::kDeciding) {
        metrics_.out_of_time.Add();
        if (metrics_.warnings.Take(now))
            log::Warning("out of time: a request from {} was answered without a decision",
                         postfix_host_);
        decision_->Expire();
        return;
    }
    metrics_.CountSlowClient(PhaseName(phase_));
    if (phase_ != Phase::kIdle && metrics_.warnings.Take(now))
        log::Warning("out of time: {} {}", postfix_host_,
                     phase_ == Phase::kReceiving ? "sent no whole request" : "took no answer");
    stream_.Abort();
}

void Session::Close() {
    closing_ = true;
    // A request that has come in part is asked again by Postfix, over another connection.
    if (phase_ == Phase::kIdle || phase_ == Phase::kReceiving) stream_.Abort();
}

}  // namespace policyd::server
