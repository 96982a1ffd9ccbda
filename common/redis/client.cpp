#include "common/redis/client.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "common/redis/error_reply.hpp"
#include "common/redis/exchange.hpp"
#include "common/redis/name_lookup.hpp"
#include "common/redis/password_file.hpp"

namespace policyd::redis {

namespace {

using outage::UsageStoreUnavailable;

constexpr std::chrono::milliseconds kShortestPause(50);
constexpr std::chrono::milliseconds kLongestPause(600);

/// A connection that has been ready for so long was of use.
constexpr std::chrono::seconds kUseful(1);

bool IsNumeric(const async::Endpoint& endpoint) {
    sockaddr_storage address{};
    return async::NumericAddress(endpoint, address) != 0;
}

bool HasReply(const Answer& answer) {
    return answer.reply && !answer.IsError();
}

/// A server that was restarted knows no scripts.
bool IsForWantOfScript(const Answer& answer) {
    return answer.IsError() && Classify(answer.reply->text) == ErrorClass::kUnknownScript;
}

}  // namespace

Client::Client(async::EventLoop& loop, ClientSettings settings, std::vector<std::string> scripts,
               OnReady on_ready, OnLost on_lost)
    : loop_(loop),
      settings_(std::move(settings)),
      scripts_(std::move(scripts)),
      on_ready_(std::move(on_ready)),
      on_lost_(std::move(on_lost)),
      script_names_(scripts_.size()),
      back_end_("redis:" + settings_.endpoint.ToText(), [&loop] { return loop.Now(); }),
      retry_(loop.Raw(), [this] { Connect(); }),
      patience_(loop.Raw(), [this] { LosePatience(); }),
      recovery_(loop.Raw(), [this] { NoteReady(); }) {
    retry_.KeepsLoopAlive(false);
    patience_.KeepsLoopAlive(false);
    recovery_.KeepsLoopAlive(false);
    Connect();
}

Client::~Client() {
    is_ending_ = true;
    state_ = State::kPausing;
    last_failure_ = "the program is ending";
    FailWaiting(last_failure_);
    connection_.reset();
}

async::Task<std::vector<Reply>> Client::AskAll(std::vector<Request> requests) {
    if (requests.empty()) co_return std::vector<Reply>();
    const outage::BackEnd::Question question(back_end_);
    std::vector<Answer> answers = co_await Answers(std::move(requests));
    co_return Replies(std::move(answers), question);
}

async::Task<std::vector<Reply>> Client::AskEach(std::vector<Request> requests) {
    if (requests.empty()) co_return std::vector<Reply>();
    const outage::BackEnd::Question question(back_end_);
    std::vector<Answer> answers = co_await Answers(std::move(requests));
    std::vector<Reply> replies;
    for (Answer& answer : answers) {
        if (!answer.reply) Refuse(answer, question);
        replies.push_back(std::move(*answer.reply));
    }
    question.Answered();
    co_return replies;
}

async::Task<std::vector<Answer>> Client::Answers(std::vector<Request> requests) {
    std::vector<std::string> commands;
    for (const Request& request : requests) commands.push_back(request.Bytes());
    Exchange exchange(*this, std::move(commands));
    co_return co_await exchange;
}

async::Task<Reply> Client::Evaluate(ScriptCall call) {
    const outage::BackEnd::Question question(back_end_);
    SingleExchange exchange(*this, ScriptCommand(call, false));
    Answer answer = co_await exchange;
    if (IsForWantOfScript(answer)) {
        SingleExchange again(*this, ScriptCommand(call, true));
        answer = co_await again;
    }
    co_return ReplyIn(std::move(answer), question);
}

async::Task<std::vector<Reply>> Client::EvaluateAll(std::vector<ScriptCall> calls) {
    if (calls.empty()) co_return std::vector<Reply>();
    const outage::BackEnd::Question question(back_end_);
    std::vector<std::string> commands;
    for (const ScriptCall& call : calls) commands.push_back(ScriptCommand(call, false));
    Exchange exchange(*this, std::move(commands));
    std::vector<Answer> answers = co_await exchange;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (!IsForWantOfScript(answers[i])) continue;
        SingleExchange again(*this, ScriptCommand(calls[i], true));
        answers[i] = co_await again;
    }
    co_return Replies(std::move(answers), question);
}

Reply Client::Checked(Reply part) {
    if (part.kind != Reply::Kind::kError) return part;
    Answer answer;
    answer.reply = std::move(part);
    Refuse(answer, outage::BackEnd::Question(back_end_));
}

std::vector<Reply> Client::Replies(std::vector<Answer> answers,
                                   const outage::BackEnd::Question& question) {
    std::vector<Reply> replies;
    replies.reserve(answers.size());
    for (Answer& answer : answers) {
        if (!HasReply(answer)) Refuse(answer, question);
        replies.push_back(std::move(*answer.reply));
    }
    question.Answered();
    return replies;
}

Reply Client::ReplyIn(Answer answer, const outage::BackEnd::Question& question) {
    if (!HasReply(answer)) Refuse(answer, question);
    question.Answered();
    return std::move(*answer.reply);
}

void Client::Refuse(const Answer& answer, const outage::BackEnd::Question& question) {
    const std::string reason = answer.IsError() ? answer.reply->text : answer.failure;
    const ErrorClass error = answer.IsError() ? Classify(reason) : ErrorClass::kRefused;
    if (!answer.was_put) {
        question.WasSpared();
    } else if (error == ErrorClass::kNoWrites) {
        question.RefusedWrite(reason);
    } else {
        question.Failed(reason);
    }
    if (error == ErrorClass::kWrongServer && connection_) connection_->Drop(reason);
    const std::string failure = back_end_.Name() + ": " + reason;
    if (error == ErrorClass::kNoWrites) throw outage::UsageStoreTakesNothing(failure);
    if (error == ErrorClass::kBrokenRecord) throw outage::UsageRecordBroken(failure);
    throw UsageStoreUnavailable(failure, IsDenial(reason));
}

std::string Client::ScriptCommand(const ScriptCall& call, bool with_text) const {
    const Request request(with_text ? "EVAL" : "EVALSHA",
                          with_text ? scripts_[call.script] : script_names_[call.script],
                          call.keys.Count(), call.keys, call.arguments);
    return request.Bytes();
}

std::optional<std::string> Client::Submit(std::string_view command, AnswerTaker& taker,
                                          bool greeting) {
    if (state_ == State::kReady || greeting) {
        if (connection_->InFlight() >= settings_.most_in_flight)
            return "too many commands are waiting for an answer";
        if (connection_->Send(command, taker)) return std::nullopt;
        return "the connection is closing";
    }
    if (state_ == State::kConnecting && waits_for_attempt_ &&
        waiting_.size() < settings_.most_in_flight) {
        waiting_.push_back({command, &taker});
        return std::nullopt;
    }
    return last_failure_.empty() ? "still connecting" : last_failure_;
}

void Client::Connect() {
    state_ = State::kConnecting;
    if (waits_for_attempt_) patience_.Start(settings_.time_limit);
    if (settings_.endpoint.kind == async::Endpoint::Kind::kUnix || IsNumeric(settings_.endpoint))
        return OpenConnection(settings_.endpoint);
    if (!addresses_left_.empty()) return OpenNextAddress();
    const auto open = [this](const std::vector<std::string>& addresses,
                             const std::string& failure) {
        if (addresses.empty()) return Lost(settings_.endpoint.host + ": " + failure);
        addresses_left_ = {addresses.begin(), addresses.end()};
        OpenNextAddress();
    };
    try {
        name_lookup_ = std::make_unique<NameLookup>(loop_, settings_.endpoint.host, open);
    } catch (const std::system_error& error) {
        Lost(settings_.endpoint.host + ": " + error.what());
    }
}

void Client::LosePatience() {
    waits_for_attempt_ = false;
    FailWaiting("cannot be reached in time");
}

void Client::OpenNextAddress() {
    async::Endpoint endpoint = settings_.endpoint;
    endpoint.host = std::move(addresses_left_.front());
    addresses_left_.pop_front();
    OpenConnection(std::move(endpoint));
}

void Client::OpenConnection(async::Endpoint endpoint) {
    connection_ = std::make_unique<Connection>(loop_.Raw(), endpoint, settings_.time_limit,
                                               [this](const std::string& reason) { Lost(reason); });
    async::Spawn(Greet(), [this](std::exception_ptr failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            if (!is_ending_) connection_->Drop(error.what());
        }
    });
}

async::Task<> Client::Greet() {
    if (!settings_.password_file.empty() || !settings_.user.empty()) {
        Request authenticate("AUTH");
        if (!settings_.user.empty()) authenticate.Append(settings_.user);
        // A user may need none; any goes then.
        authenticate.Append(
            settings_.password_file.empty() ? "" : ReadPasswordFile(settings_.password_file));
        co_await AskInGreeting(std::move(authenticate));
    }
    const Reply role = co_await AskInGreeting(Request("ROLE"));
    if (role.elements.empty() || role.elements.front().text != "master")
        throw UsageStoreUnavailable("it is a replica");
    for (std::size_t i = 0; i < scripts_.size(); ++i) {
        Reply name = co_await AskInGreeting(Request("SCRIPT", "LOAD", scripts_[i]));
        script_names_[i] = std::move(name.text);
    }
    Ready();
}

async::Task<Reply> Client::AskInGreeting(Request request) {
    std::vector<std::string> commands{request.Bytes()};
    Exchange exchange(*this, std::move(commands), true);
    std::vector<Answer> answers = co_await exchange;
    Answer& answer = answers.front();
    if (!answer.reply) throw UsageStoreUnavailable(answer.failure);
    if (answer.IsError()) throw UsageStoreUnavailable(answer.reply->text);
    co_return std::move(*answer.reply);
}

void Client::Ready() {
    state_ = State::kReady;
    ready_since_ = loop_.Now();
    patience_.Stop();
    untold_loss_.clear();
    if (!was_lost_at_once_) NoteReady();
    recovery_.Start(outage::CircuitBreaker::kProbePeriod);  // nobody may ask for long
    if (on_ready_) on_ready_();
    std::deque<Waiting> waiting;
    waiting.swap(waiting_);
    for (const Waiting& each : waiting)
        if (!connection_->Send(each.command, *each.taker))
            each.taker->OnFailure("the connection is closing");
}

void Client::NoteReady() {
    outage::BackEnd::Question(back_end_).Answered();
}

void Client::Lost(const std::string& reason) {
    const bool was_ready = state_ == State::kReady;
    const bool was_of_use = was_ready && loop_.Now() - ready_since_ >= kUseful;
    // That one is lost as soon as it is ready may be chance; that the next one is as well is not.
    const bool is_chance = was_of_use || (was_ready && !was_lost_at_once_);
    if (was_of_use) failed_attempts_ = 0;
    if (was_ready) was_lost_at_once_ = !was_of_use;
    // Servers close what is idle for long (Redis's `timeout`): an outage only if it stays away.
    const bool was_idle = is_chance && connection_->InFlight() == 0;
    last_failure_ = reason;
    state_ = State::kPausing;
    // That it is gone may be noticed late: by a program that was stopped meanwhile.
    if (was_ready && on_lost_) on_lost_(connection_->LastAnswered());
    if (was_ready) addresses_left_.clear();
    // The next attempt follows at once.
    const bool goes_on = is_chance || !addresses_left_.empty();
    waits_for_attempt_ = goes_on;
    patience_.Stop();
    recovery_.Stop();
    if (was_idle) {
        untold_loss_ = reason;
    } else if (addresses_left_.empty()) {
        const outage::BackEnd::Question question(back_end_);
        if (!untold_loss_.empty()) question.Failed(std::exchange(untold_loss_, {}));
        question.Failed(reason);
    }
    retry_.Start(goes_on ? std::chrono::milliseconds(0) : NextPause());
    retry_.KeepsLoopAlive(goes_on);  // for what is asked until then waits for it
    if (goes_on) {
        state_ = State::kConnecting;
    } else {
        FailWaiting(reason);
    }
}

void Client::FailWaiting(const std::string& reason) {
    std::deque<Waiting> waiting;
    waiting.swap(waiting_);
    for (const Waiting& each : waiting) each.taker->OnFailure(reason);
}

std::chrono::milliseconds Client::NextPause() {
    const auto pause =
        std::min(kLongestPause, kShortestPause * (1 << std::min(failed_attempts_, 10)));
    ++failed_attempts_;
    // Spread out, so that the servers of a site do not all come at once.
    std::uniform_int_distribution<std::chrono::milliseconds::rep> spread(0, pause.count() / 4);
    return pause + std::chrono::milliseconds(spread(random_));
}

}  // namespace policyd::redis
