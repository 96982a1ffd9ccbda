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

/// A policy service, or another server, on a UNIX socket whose replies a test chooses, right or
/// wrong, byte by byte.
class ScriptedServer {
public:
    /// What is said to whoever connects, and where a request ends.
    struct Dialect {
        std::string greeting;
        std::string end_of_request;
    };

    /// Given a request without its end; an empty answer closes the connection, "silence"
    /// sends nothing.
    using Answer = std::function<std::string(const std::string& request)>;

    ScriptedServer(async::EventLoop& loop, Answer answer, Dialect dialect = {"", "\n\n"})
        : answer_(std::move(answer)),
          dialect_(std::move(dialect)),
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
        const std::string& end_of_request = dialect_.end_of_request;
        if (!dialect_.greeting.empty()) co_await stream.Write(dialect_.greeting);
        for (bool open = co_await stream.Read(); open; open = co_await stream.Read()) {
            std::string& received = stream.Received();
            for (std::size_t end; (end = received.find(end_of_request)) != std::string::npos;) {
                const std::string reply = answer_(received.substr(0, end));
                received.erase(0, end + end_of_request.size());
                if (reply.empty()) co_return;
                if (reply != "silence") co_await stream.Write(reply);
            }
        }
    }

    test::ScratchDirectory scratch_;
    Answer answer_;
    const Dialect dialect_;
    async::Endpoint endpoint_;
    async::ListeningSocket socket_;
    async::Listener listener_;
    int connections_ = 0;
};

}  // namespace policyd::loadtest
