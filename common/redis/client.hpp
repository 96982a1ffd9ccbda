#pragma once

#include <uv.h>

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/async/endpoint.hpp"
#include "common/async/event_loop.hpp"
#include "common/async/task.hpp"
#include "common/async/timer.hpp"
#include "common/outage/back_end.hpp"
#include "common/outage/circuit_breaker.hpp"
#include "common/outage/unavailable.hpp"
#include "common/redis/connection.hpp"
#include "common/redis/reply.hpp"
#include "common/redis/request.hpp"

namespace policyd::redis {

class Exchange;
class NameLookup;

/// What came of one command.
struct Answer {
    std::optional<Reply> reply;
    std::string failure;  ///< why there is no reply
    bool was_put = true;  ///< to the server, or to wait for it

    bool IsError() const { return reply && reply->kind == Reply::Kind::kError; }
};

struct ClientSettings {
    async::Endpoint endpoint;
    std::string user;           ///< empty: Redis's default user
    std::string password_file;  ///< its first line; read again on each connection; empty: none
    /// For one command, and for a connection to be of use.
    std::chrono::milliseconds time_limit{500};
    std::size_t most_in_flight = 10'000;
};

/// A call of one of the scripts that the client was made with.
struct ScriptCall {
    std::size_t script = 0;
    Words keys;
    Words arguments;
};

/// Asks one Redis server, and finds it again whenever it was lost. Owned by one loop thread, and
/// never destroyed from within what a reply resumed.
///
/// Commands go out in order, all of one turn of the loop in one write. While the server cannot be
/// reached they fail at once; only while the first attempt after a loss is under way do they wait
/// for it, no longer than the time limit. Attempts follow one another at less than a second, so
/// that recovery is noticed within one; after connections that are lost as soon as they are ready
/// there is a pause as well. A replica is not used: what it is told would be lost.
///
/// Every question throws outage::UsageStoreUnavailable when it was not answered; whether Redis has
/// carried it out is then unknown. UsageRecordBroken is for what is stored, another one may be
/// answered. Arguments are copied.
class Client {
public:
    class Asking;

    using OnReady = std::function<void()>;
    /// Gets when the server was last heard of (uv_now).
    using OnLost = std::function<void(std::chrono::milliseconds last_answered)>;

    /// `scripts` are Lua texts, sent when a connection is made and called by their index.
    /// `on_ready` is called whenever a connection has become usable, before any command that
    /// waits for it is sent; `on_lost` as soon as it is noticed that it is so no more, after the
    /// commands that were in flight have failed. Connecting begins at once; a server that is down
    /// is no error.
    Client(async::EventLoop& loop, ClientSettings settings, std::vector<std::string> scripts = {},
           OnReady on_ready = {}, OnLost on_lost = {});
    /// Commands in flight fail.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// `co_await client.Ask(request)`: its Reply.
    Asking Ask(const Request& request);
    /// Sends all at once. Throws, after the last answer, what the first that failed would throw.
    async::Task<std::vector<Reply>> AskAll(std::vector<Request> requests);
    /// The same, but that of each what it was answered with, be that an error: see Checked().
    async::Task<std::vector<Reply>> AskEach(std::vector<Request> requests);
    async::Task<Reply> Evaluate(ScriptCall call);
    /// As AskAll().
    async::Task<std::vector<Reply>> EvaluateAll(std::vector<ScriptCall> calls);
    /// What there is for one of several things that were asked for: throws for an error as if it
    /// were the whole reply.
    Reply Checked(Reply part);

    bool IsReady() const noexcept { return state_ == State::kReady; }

private:
    friend class Exchange;
    friend class SingleExchange;

    enum class State { kConnecting, kReady, kPausing };
    struct Waiting {
        std::string_view command;
        AnswerTaker* taker;
    };

    /// Nothing when `taker` will hear of it, otherwise why not. `command` outlives the answer.
    std::optional<std::string> Submit(std::string_view command, AnswerTaker& taker, bool greeting);

    void Connect();
    void LosePatience();
    void OpenNextAddress();
    void OpenConnection(async::Endpoint endpoint);
    async::Task<> Greet();
    async::Task<Reply> AskInGreeting(Request request);
    void Ready();
    void NoteReady();
    void Lost(const std::string& reason);
    void FailWaiting(const std::string& reason);
    std::chrono::milliseconds NextPause();

    async::Task<std::vector<Answer>> Answers(std::vector<Request> requests);
    std::string ScriptCommand(const ScriptCall& call, bool with_text) const;
    /// The replies, or the exception of the first that is none; drops a connection that leads to
    /// the wrong server.
    std::vector<Reply> Replies(std::vector<Answer> answers,
                               const outage::BackEnd::Question& question);
    Reply ReplyIn(Answer answer, const outage::BackEnd::Question& question);
    [[noreturn]] void Refuse(const Answer& answer, const outage::BackEnd::Question& question);

    async::EventLoop& loop_;
    const ClientSettings settings_;
    const std::vector<std::string> scripts_;
    const OnReady on_ready_;
    const OnLost on_lost_;
    std::vector<std::string> script_names_;  // as Redis calls them: their SHA-1
    outage::BackEnd back_end_;
    State state_ = State::kConnecting;
    bool is_ending_ = false;
    bool waits_for_attempt_ = true;  // whether commands may wait for the attempt under way
    int failed_attempts_ = 0;        // in a row, until a connection was of use
    bool was_lost_at_once_ = false;  // the last one that was ready
    std::chrono::milliseconds ready_since_{0};
    std::string untold_loss_;  // why an idle connection ended, until the next one is there
    std::string last_failure_;
    std::deque<Waiting> waiting_;
    std::unique_ptr<NameLookup> name_lookup_;
    std::deque<std::string> addresses_left_;  // of the name, to be tried in this attempt
    std::unique_ptr<Connection> connection_;
    async::Timer retry_;
    async::Timer patience_;
    async::Timer recovery_;  // that it is back is said once it has been for a while
    std::minstd_rand random_{std::random_device()()};
};

/// One command; the awaiting coroutine goes on when it is answered.
class [[nodiscard]] SingleExchange final : private AnswerTaker {
public:
    SingleExchange(Client& client, std::string command)
        : client_(client), command_(std::move(command)) {}
    SingleExchange(const SingleExchange&) = delete;
    SingleExchange& operator=(const SingleExchange&) = delete;

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting);
    Answer await_resume() { return std::move(answer_); }

private:
    void OnReply(Reply reply) override;
    void OnFailure(const std::string& reason) override;

    Client& client_;
    const std::string command_;
    Answer answer_;
    std::coroutine_handle<> awaiting_;
};

class [[nodiscard]] Client::Asking {
public:
    Asking(Client& client, std::string command)
        : client_(client), question_(client.back_end_), exchange_(client, std::move(command)) {}

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> asking) { return exchange_.await_suspend(asking); }
    Reply await_resume() { return client_.ReplyIn(exchange_.await_resume(), question_); }

private:
    Client& client_;
    const outage::BackEnd::Question question_;
    SingleExchange exchange_;
};

inline Client::Asking Client::Ask(const Request& request) {
    return Asking(*this, request.Bytes());
}

}  // namespace policyd::redis
