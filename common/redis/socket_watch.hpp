#pragma once

#include <uv.h>

struct redisAsyncContext;

namespace policyd::redis {

/// Lets a libuv loop drive an asynchronous hiredis context.
///
/// hiredis 0.14 brings an adapter that never hears of socket errors: a refused connection would be
/// silence. Here an error is for hiredis to find out by trying. What is written in one turn of the
/// loop leaves in one write at its end, without waiting for the socket to be reported writable.
///
/// Belongs to the context from Attach() on: it goes when hiredis lets go of the context.
class SocketWatch {
public:
    /// Throws async::UvError; the context is then as before.
    static SocketWatch* Attach(redisAsyncContext& context, uv_loop_t* loop);

    /// Whether waiting for this socket is a reason for the loop to go on.
    void KeepsLoopAlive(bool alive);

private:
    explicit SocketWatch(redisAsyncContext& context) : context_(&context) {}

    void Want(int events);
    void FlushSoon();
    void Close();

    static void OnReady(uv_poll_t* poll, int status, int events);
    static void OnEndOfTurn(uv_prepare_t* prepare);

    redisAsyncContext* context_;  // null once hiredis has let go of us
    uv_poll_t poll_{};
    uv_prepare_t end_of_turn_{};
    int events_ = 0;
    bool flushing_ = false;
    int open_handles_ = 0;
};

}  // namespace policyd::redis
