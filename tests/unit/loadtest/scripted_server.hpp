#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/listener.hpp"
#include "common/async/stream.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::loadtest {

/// A policy service on a UNIX socket whose replies a test chooses, right or wrong, byte by byte.
class ScriptedServer {
public:
    /// Given a request without its empty line; an empty answer closes the connection, "silence"
    /// sends nothing.
    using Answer = std::function<std::string(const std::string& request)>;

    ScriptedServer(async::EventLoop& loop, Answer answer)
        : answer_(std::move(answer)),
          endpoint_(async::ParseEndpoint("unix:" + (scratch_ / "policy").string())),
          socket_(endpoint_, ForEverybody()),
          listener_(loop.Raw(), socket_, [this](async::UvHandle<uv_any_handle> connection) {
              ++connections_;
              async::Spawn(Serve(std::move(connection)),
                           [](std::exception_ptr) { std::terminate(); });
          }) {}

    const async::Endpoint& Address() const { return endpoint_; }
    int Connections() const { return connections_; }

private:
    static async::ListeningSocket::UnixAccess ForEverybody() {
        async::ListeningSocket::UnixAccess access;
        access.mode = 0666;
        return access;
    }

    async::Task<> Serve(async::UvHandle<uv_any_handle> connection) {
        async::Stream stream(std::move(connection), 1 << 20);
        for (bool open = co_await stream.Read(); open; open = co_await stream.Read()) {
            std::string& received = stream.Received();
            for (std::size_t end; (end = received.find("\n\n")) != std::string::npos;) {
                const std::string reply = answer_(received.substr(0, end));
                received.erase(0, end + 2);
                if (reply.empty()) co_return;
                if (reply != "silence") co_await stream.Write(reply);
            }
        }
    }

    test::ScratchDirectory scratch_;
    Answer answer_;
    async::Endpoint endpoint_;
    async::ListeningSocket socket_;
    async::Listener listener_;
    int connections_ = 0;
};

}  // namespace policyd::loadtest
