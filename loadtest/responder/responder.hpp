#pragma once

#include <uv.h>

#include <memory>
#include <string>

#include "common/async/uv_handle.hpp"
#include "loadtest/responder/redis_pipe.hpp"

namespace policyd::loadtest {

/// Answers DUNNO on one connection as soon as an empty line has come, and looks at nothing else:
/// what a decision costs where there is nothing to decide. Owns itself until the peer is gone.
class Responder : public std::enable_shared_from_this<Responder> {
public:
    /// With `redis`, which outlives the connection, one GET is awaited before each answer.
    static void Serve(async::UvHandle<uv_any_handle> socket, RedisPipe* redis);

private:
    Responder(async::UvHandle<uv_any_handle> socket, RedisPipe* redis)
        : socket_(std::move(socket)), redis_(redis) {}

    static void OnRead(uv_stream_t* socket, ssize_t size, const uv_buf_t* buffer);
    void Take(const char* bytes, std::size_t size);
    void Answer();
    void End();

    async::UvHandle<uv_any_handle> socket_;
    RedisPipe* redis_;
    bool after_line_end_ = false;
    std::shared_ptr<Responder> self_;
};

}  // namespace policyd::loadtest
