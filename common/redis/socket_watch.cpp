#include "common/redis/socket_watch.hpp"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <memory>

#include "common/async/uv_handle.hpp"

namespace policyd::redis {

namespace {

template <typename Handle>
uv_handle_t* Plain(Handle& handle) {
    return reinterpret_cast<uv_handle_t*>(&handle);
}

}  // namespace

SocketWatch* SocketWatch::Attach(redisAsyncContext& context, uv_loop_t* loop) {
    std::unique_ptr<SocketWatch> watch(new SocketWatch(context));
    async::ThrowIfFailed(uv_poll_init(loop, &watch->poll_, context.c.fd), "uv_poll_init");
    uv_prepare_init(loop, &watch->end_of_turn_);  // cannot fail
    uv_unref(Plain(watch->end_of_turn_));
    watch->open_handles_ = 2;
    watch->poll_.data = watch->end_of_turn_.data = watch.get();

    context.ev.data = watch.get();
    context.ev.addRead = [](void* self) {
        auto& socket = *static_cast<SocketWatch*>(self);
        socket.Want(socket.events_ | UV_READABLE);
    };
    context.ev.delRead = [](void* self) {
        auto& socket = *static_cast<SocketWatch*>(self);
        socket.Want(socket.events_ & ~UV_READABLE);
    };
    context.ev.addWrite = [](void* self) {
        auto& socket = *static_cast<SocketWatch*>(self);
        const bool connected = (socket.context_->c.flags & REDIS_CONNECTED) != 0;
        if (connected && !socket.flushing_) {
            socket.FlushSoon();
        } else {
            socket.Want(socket.events_ | UV_WRITABLE);
        }
    };
    context.ev.delWrite = [](void* self) {
        auto& socket = *static_cast<SocketWatch*>(self);
        uv_prepare_stop(&socket.end_of_turn_);
        socket.Want(socket.events_ & ~UV_WRITABLE);
    };
    context.ev.cleanup = [](void* self) { static_cast<SocketWatch*>(self)->Close(); };
    return watch.release();
}

void SocketWatch::KeepsLoopAlive(bool alive) {
    if (alive) {
        uv_ref(Plain(poll_));
    } else {
        uv_unref(Plain(poll_));
    }
}

void SocketWatch::Want(int events) {
    if (events_ == events) return;
    events_ = events;
    if (events == 0) {
        uv_poll_stop(&poll_);
    } else {
        uv_poll_start(&poll_, events, &OnReady);
    }
}

void SocketWatch::FlushSoon() {
    // While the socket is full, it is its becoming writable that we wait for.
    if ((events_ & UV_WRITABLE) == 0) uv_prepare_start(&end_of_turn_, &OnEndOfTurn);
}

void SocketWatch::OnEndOfTurn(uv_prepare_t* prepare) {
    auto& watch = *static_cast<SocketWatch*>(prepare->data);
    uv_prepare_stop(prepare);
    watch.flushing_ = true;  // if more is to be written afterwards, the socket is full
    redisAsyncHandleWrite(watch.context_);
    watch.flushing_ = false;
}

void SocketWatch::OnReady(uv_poll_t* poll, int status, int events) {
    auto& watch = *static_cast<SocketWatch*>(poll->data);
    // A poll error (a refused connection, a reset) is for hiredis to find out by trying.
    if (status < 0) events = watch.events_;
    if (watch.context_ != nullptr && (events & UV_READABLE)) redisAsyncHandleRead(watch.context_);
    if (watch.context_ != nullptr && (events & UV_WRITABLE)) redisAsyncHandleWrite(watch.context_);
}

void SocketWatch::Close() {
    context_ = nullptr;
    const auto closed = [](uv_handle_t* handle) {
        auto* watch = static_cast<SocketWatch*>(handle->data);
        if (--watch->open_handles_ == 0) delete watch;
    };
    uv_close(Plain(poll_), closed);
    uv_close(Plain(end_of_turn_), closed);
}

}  // namespace policyd::redis
