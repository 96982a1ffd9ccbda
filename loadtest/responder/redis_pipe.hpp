#pragma once

#include <uv.h>

#include <deque>
#include <functional>
#include <string>

#include "common/async/endpoint.hpp"
#include "common/async/uv_handle.hpp"

namespace policyd::loadtest {

/// One connection to Redis on which GETs of one key are pipelined: those of one turn of the loop
/// share a write. Ends the process when Redis goes away, since nothing can be measured then.
class RedisPipe {
public:
    RedisPipe(uv_loop_t* loop, const async::Endpoint& redis);
    RedisPipe(const RedisPipe&) = delete;
    RedisPipe& operator=(const RedisPipe&) = delete;

    /// Calls `then` once the value, or that there is none, has come.
    void Get(std::function<void()> then);

private:
    static void OnRead(uv_stream_t* socket, ssize_t size, const uv_buf_t* buffer);
    void TakeReplies();
    void Send();

    async::UvHandle<uv_any_handle> socket_;
    async::UvHandle<uv_check_t> end_of_turn_;
    uv_connect_t connect_{};
    bool is_connected_ = false;
    std::string unsent_;
    std::string received_;
    std::deque<std::function<void()>> waiting_;
};

}  // namespace policyd::loadtest
