#include "common/redis/connection.hpp"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "common/redis/socket_watch.hpp"
#include "common/redis/unasked_reply.hpp"

namespace policyd::redis {

namespace {

/// In how many parts the time for an answer passes. A loop that was held up, as by a machine that
/// has no processor for it, lives through one of them meanwhile: that time counts against nobody,
/// and it goes on to look for what was answered.
constexpr int kParts = 10;

std::chrono::milliseconds PartOf(std::chrono::milliseconds limit) {
    return std::max((limit + std::chrono::milliseconds(kParts - 1)) / kParts,
                    std::chrono::milliseconds(1));
}

void SetOption(int socket, int level, int name, int value) {
    // A socket without the option works all the same, only slower to notice that its peer is gone.
    static_cast<void>(setsockopt(socket, level, name, &value, sizeof value));
}

}  // namespace

Connection::Connection(uv_loop_t* loop, const async::Endpoint& endpoint,
                       std::chrono::milliseconds limit, OnEnd on_end)
    : loop_(loop),
      limit_(limit),
      on_end_(std::move(on_end)),
      watchdog_(loop, [this] { CheckOldest(); }),
      farewell_(loop, [this] { Ended(); }) {
    watchdog_.KeepsLoopAlive(false);
    Open(loop, endpoint);
    if (context_ == nullptr) EndSoon();  // whoever constructs us is told when we exist
}

Connection::~Connection() {
    if (context_ == nullptr) return;
    redisAsyncContext* context = std::exchange(context_, nullptr);
    context->data = nullptr;
    redisAsyncFree(context);
}

void Connection::Open(uv_loop_t* loop, const async::Endpoint& endpoint) {
    redisAsyncContext* context = endpoint.kind == async::Endpoint::Kind::kUnix
                                     ? redisAsyncConnectUnix(endpoint.path.c_str())
                                     : redisAsyncConnect(endpoint.host.c_str(), endpoint.port);
    if (context == nullptr || context->err != 0) {
        end_reason_ = context == nullptr ? "out of memory" : context->errstr;
        if (context != nullptr) redisAsyncFree(context);
        return;
    }
    try {
        watch_ = SocketWatch::Attach(*context, loop);
    } catch (const async::UvError& error) {
        end_reason_ = error.what();
        redisAsyncFree(context);
        return;
    }
    context_ = context;
    context_->data = this;
    EndAtUnaskedReplies(*context_);
    watch_->KeepsLoopAlive(false);
    if (endpoint.kind == async::Endpoint::Kind::kInet) SetSocketOptions(limit_);
    redisAsyncSetConnectCallback(context_, &OnConnect);
    redisAsyncSetDisconnectCallback(context_, &OnDisconnect);
}

void Connection::SetSocketOptions(std::chrono::milliseconds limit) const {
    const int socket = context_->c.fd;
    SetOption(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    SetOption(socket, IPPROTO_TCP, TCP_KEEPIDLE, 10);
    SetOption(socket, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    SetOption(socket, IPPROTO_TCP, TCP_KEEPCNT, 2);
    SetOption(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(limit.count() * 2));
}

bool Connection::Send(std::string_view command, AnswerTaker& taker) {
    if (context_ == nullptr) return false;
    if (redisAsyncFormattedCommand(context_, &OnReply, &taker, command.data(), command.size()) !=
        REDIS_OK)
        return false;
    if (sent_at_.empty()) watch_->KeepsLoopAlive(true);
    sent_at_.push_back(parts_passed_);
    if (!watchdog_.IsRunning()) watchdog_.Start(PartOf(limit_));
    return true;
}

void Connection::CheckOldest() {
    ++parts_passed_;
    if (sent_at_.empty()) return;
    if (parts_passed_ - sent_at_.front() > kParts)
        return Drop("no answer within " + std::to_string(limit_.count()) + " ms");
    watchdog_.Start(PartOf(limit_));
}

void Connection::Drop(const std::string& reason) {
    if (context_ == nullptr) return;
    end_reason_ = reason;
    // hiredis tells of the end only of connections that were once established.
    const bool will_tell = (context_->c.flags & REDIS_CONNECTED) != 0;
    redisAsyncContext* context = context_;
    if (!will_tell) {
        context_ = nullptr;
        context->data = nullptr;
    }
    redisAsyncFree(context);
    if (!will_tell) Ended();
}

void Connection::EndSoon() {
    farewell_.Start(std::chrono::milliseconds(0));
}

void Connection::Ended() {
    context_ = nullptr;
    watch_ = nullptr;
    watchdog_.Stop();
    const OnEnd on_end = on_end_;  // which may destroy this
    const std::string reason = end_reason_;
    on_end(reason);
}

void Connection::OnReply(redisAsyncContext* context, void* reply, void* data) {
    auto& taker = *static_cast<AnswerTaker*>(data);
    auto* self = static_cast<Connection*>(context->data);
    if (reply == nullptr) {
        std::string reason = self != nullptr ? self->end_reason_ : "the connection is closed";
        if (reason.empty())
            reason = context->err != 0 ? context->errstr : "the connection is closed";
        taker.OnFailure(reason);
        return;
    }
    if (self != nullptr) {
        self->last_answered_ = std::chrono::milliseconds(uv_now(self->loop_));
        self->sent_at_.pop_front();
        if (self->sent_at_.empty()) self->watch_->KeepsLoopAlive(false);
    }
    taker.OnReply(CopyReply(*static_cast<const redisReply*>(reply)));
}

void Connection::OnConnect(const redisAsyncContext* context, int status) {
    auto* self = static_cast<Connection*>(context->data);
    if (status == REDIS_OK || self == nullptr) return;
    // hiredis frees the context after this, and fails what was sent.
    self->end_reason_ = context->c.errstr;
    self->context_ = nullptr;
    self->EndSoon();
}

void Connection::OnDisconnect(const redisAsyncContext* context, int) {
    auto* self = static_cast<Connection*>(context->data);
    if (self == nullptr) return;
    if (self->end_reason_.empty() && self->sent_at_.empty() && HasEndedAtUnaskedReply(*context))
        self->end_reason_ = "it sent a reply that nobody asked for";
    if (self->end_reason_.empty())
        self->end_reason_ = context->err != 0 ? context->errstr : "the connection is closed";
    self->Ended();
}

}  // namespace policyd::redis
