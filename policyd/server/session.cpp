#include "policyd/server/session.hpp"

#include <exception>
#include <utility>

#include "common/async/next_turn.hpp"
#include "common/log/logging.hpp"
#include "common/protocol/message_name.hpp"
#include "common/protocol/policy_action.hpp"
#include "common/text/reused_room.hpp"

namespace policyd::server {

namespace {

using protocol::RequestParser;

/// How many requests of one connection are answered from memory before others have their turn.
/// Postfix sends one and waits; whoever sends thousands at once holds up nobody but himself.
constexpr int kMostInARow = 8;

/// How much is read behind a request that is not answered yet: Postfix sends nothing before it has
/// its answer, and who does so takes no more room for it than that.
constexpr std::size_t kReadAhead = 4096;

/// `services` are what the rest of a check needs.
async::Task<void> Finish(async::Task<void> rest, std::shared_ptr<services::Services> services) {
    co_await rest;
    services.reset();
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
    : stream_(std::move(socket), kReadAhead),
      postfix_host_(std::make_shared<const std::string>(std::move(postfix_host))),
      limits_(limits),
      clock_(clock),
      services_(services),
      metrics_(metrics),
      decision_(std::make_shared<Decision>(postfix_host_)),
      active_since_(clock()) {}

async::Task<> Session::Serve() {
    int in_a_row = 0;
    for (bool open = true; open && !closing_;) {
        if (in_a_row == kMostInARow) {
            in_a_row = 0;
            Enter(Phase::kIdle);
            co_await async::NextTurn(stream_.Loop());
            continue;
        }
        switch (parser_.Parse(stream_.Received())) {
            case RequestParser::Parsed::kComplete:
                if (HasAnswerAtHand()) {
                    ++in_a_row;
                    Enter(Phase::kSending);
                    open = co_await stream_.Write(reply_);
                } else {
                    open = co_await Answer();
                }
                break;
            case RequestParser::Parsed::kIncomplete:
                in_a_row = 0;
                if (stream_.Received().empty()) {
                    text::ClearForReuse(stream_.Received());
                    Enter(Phase::kIdle);
                } else {
                    Enter(Phase::kReceiving);
                }
                open = co_await stream_.Read();
                break;
            case RequestParser::Parsed::kMalformed:
                metrics_.malformed.Add();
                if (metrics_.warnings.Take(clock_()))
                    log::Warning("malformed request from {}: {}", *postfix_host_,
                                 parser_.Problem());
                open = false;
                break;
        }
    }
    if (!message_.empty() && !keeps_reservations_) {
        const auto& services = services_();
        if (auto rest = services->Checks().LeaveMessage(message_))
            async::Spawn(Finish(std::move(*rest), services), &LogFailure);
    }
    stream_.Abort();
}

/// Answers from memory where it can: most requests need nothing that has to be waited for, and are
/// answered from where they were received.
bool Session::HasAnswerAtHand() {
    protocol::PolicyRequest request = parser_.Request();
    request.postfix_host = *postfix_host_;
    services_()->Checks().Foresee(request);
    GoOnTo(request);
    metrics_.CountRequest(request.stage);
    request_came_ = SessionMetrics::Clock::now();
    checks::CheckPipeline::Progress progress;
    const auto verdict = services_()->Checks().DecideAtHand(request, progress);
    if (!verdict) {
        TakeRequest(request, std::move(progress));
        return false;
    }
    SetReply(*verdict, checks::CheckPipeline::DecidedBy(*verdict, progress));
    stream_.Received().erase(0, parser_.Length());
    return true;
}

/// Moves the request's bytes to the decision. The views into them stay good: a string that is
/// longer than its own object keeps its place when it is moved.
void Session::TakeRequest(const protocol::PolicyRequest& request,
                          checks::CheckPipeline::Progress progress) {
    std::string& received = stream_.Received();
    const std::size_t length = parser_.Length();
    std::string rest = std::exchange(decision_->bytes, {});
    rest.assign(received, length);
    decision_->bytes = std::exchange(received, std::move(rest));
    decision_->request = request;
    decision_->progress = std::move(progress);
}

async::Task<bool> Session::Answer() {
    Enter(Phase::kDeciding);
    Decision::Start(decision_, services_());
    const checks::CheckPipeline::Said& said = co_await decision_->Said();
    SetReply(said.verdict, said.by);
    if (decision_->HasExpired()) {
        decision_ = std::make_shared<Decision>(postfix_host_);
    } else {
        decision_->Reset();
    }
    Enter(Phase::kSending);
    co_return co_await stream_.Write(reply_);
}

void Session::SetReply(const checks::Verdict& verdict, std::string_view by) {
    protocol::SetReply(reply_, verdict.HasOpinion() ? verdict.action : protocol::kDunno);
    metrics_.CountAnswer(by, verdict.reason, SessionMetrics::Clock::now() - request_came_);
}

/// The connection asks about the message of `request` now, so another one before has ended.
void Session::GoOnTo(const protocol::PolicyRequest& request) {
    if (request.instance.empty() || protocol::IsMessage(message_, request)) return;
    const std::string ended = std::exchange(message_, protocol::MessageName(request));
    if (ended.empty()) return;
    const auto& services = services_();
    if (auto rest = services->Checks().EndMessage(ended))
        async::Spawn(Finish(std::move(*rest), services), &LogFailure);
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
            log::Warning(
                "out of time: a request from {} was answered by what is remembered, or by a "
                "failure action",
                *postfix_host_);
        decision_->Expire();
        return;
    }
    metrics_.CountSlowClient(PhaseName(phase_));
    if (phase_ != Phase::kIdle && metrics_.warnings.Take(now))
        log::Warning("out of time: {} {}", *postfix_host_,
                     phase_ == Phase::kReceiving ? "sent no whole request" : "took no answer");
    stream_.Abort();
}

void Session::Close() {
    closing_ = true;
    // A request that has come in part is asked again by Postfix, over another connection.
    if (phase_ == Phase::kIdle || phase_ == Phase::kReceiving) stream_.Abort();
}

void Session::CloseForGood() {
    keeps_reservations_ = true;
    Close();
}

}  // namespace policyd::server
