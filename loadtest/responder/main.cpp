#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/listener.hpp"
#include "common/async/process.hpp"
#include "loadtest/responder/redis_pipe.hpp"
#include "loadtest/responder/responder.hpp"

namespace {

using policyd::async::EventLoop;
using policyd::async::ListeningSocket;
using policyd::async::UvHandle;
using policyd::loadtest::RedisPipe;
using policyd::loadtest::Responder;

void AllowManyDescriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

[[noreturn]] void Serve(const std::vector<std::string>& endpoints, const std::string& redis_name) {
    EventLoop loop;
    std::unique_ptr<RedisPipe> redis;
    if (!redis_name.empty())
        redis = std::make_unique<RedisPipe>(loop.Raw(), policyd::async::ParseEndpoint(redis_name));
    std::vector<ListeningSocket> sockets;
    for (const std::string& endpoint : endpoints)
        sockets.emplace_back(policyd::async::ParseEndpoint(endpoint),
                             ListeningSocket::UnixAccess());
    std::vector<std::unique_ptr<policyd::async::Listener>> listeners;
    for (const ListeningSocket& socket : sockets)
        listeners.push_back(std::make_unique<policyd::async::Listener>(
            loop.Raw(), socket, [&redis](UvHandle<uv_any_handle> connection) {
                Responder::Serve(std::move(connection), redis.get());
            }));
    std::fprintf(stderr, "policyd-responder: ready\n");
    for (;;) loop.Run();
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Answers DUNNO to every policy request without looking at it: the yardstick for the speed "
        "of a policy service. Runs until it gets a signal.",
        "policyd-responder");
    std::vector<std::string> endpoints{"inet:127.0.0.1:10032"};
    std::string redis;
    app.add_option("--listen", endpoints, "unix:PATH or inet:HOST:PORT, any number of them")
        ->capture_default_str();
    app.add_option("--redis", redis, "Ask this Redis for one key before every answer");
    CLI11_PARSE(app, argc, argv);

    policyd::async::BeginProcess();
    AllowManyDescriptors();
    try {
        Serve(endpoints, redis);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "policyd-responder: %s\n", error.what());
        return 1;
    }
}
