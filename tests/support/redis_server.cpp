#include "tests/support/redis_server.hpp"

#include <signal.h>

#include <stdexcept>
#include <utility>

namespace policyd::test {

namespace {

std::string SocketOf(const ScratchDirectory& directory) {
    return directory / "redis.sock";
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> arguments)
    : port_(FreePort()), arguments_(std::move(arguments)) {
    Start();
}

async::Endpoint RedisServer::UnixEndpoint() const {
    return {async::Endpoint::Kind::kUnix, SocketOf(directory_), "", 0};
}

async::Endpoint RedisServer::TcpEndpoint() const {
    return {async::Endpoint::Kind::kInet, "", "127.0.0.1", static_cast<std::uint16_t>(port_)};
}

void RedisServer::Start() {
    const std::string socket = SocketOf(directory_);
    std::vector<std::string> command{"redis-server",
                                     "--port",
                                     std::to_string(port_),
                                     "--bind",
                                     "127.0.0.1",
                                     "--unixsocket",
                                     socket,
                                     "--dir",
                                     directory_.Path(),
                                     "--save",
                                     "",
                                     "--appendonly",
                                     "yes",
                                     "--appendfsync",
                                     "everysec",
                                     "--protected-mode",
                                     "no",
                                     "--daemonize",
                                     "no"};
    command.insert(command.end(), arguments_.begin(), arguments_.end());
    const std::filesystem::path log = directory_ / "redis.log";
    Process::Options options;
    options.output = log;
    process_ = std::make_unique<Process>(std::move(command), options);
    WaitUntil(
        "Redis to answer",
        [this, &socket] {
            if (!process_->IsRunning()) throw std::runtime_error("redis-server ended at once");
            const Finished ping = Run({"redis-cli", "-s", socket, "PING"});
            return ping.output == "PONG\n" || ping.output.starts_with("NOAUTH");
        },
        log);
}

void RedisServer::Stop(int signal) {
    process_->Signal(signal);
    if (!process_->Wait()) throw std::runtime_error("redis-server does not end");
}

void RedisServer::Pause() {
    process_->Signal(SIGSTOP);
}

void RedisServer::Resume() {
    process_->Signal(SIGCONT);
}

std::string RedisServer::Command(std::vector<std::string> words) const {
    std::vector<std::string> command{"redis-cli", "-e", "-s", SocketOf(directory_)};
    command.insert(command.end(), words.begin(), words.end());
    Finished finished = Run(std::move(command));
    if (finished.status != 0) throw std::runtime_error(finished.output + finished.errors);
    if (finished.output.ends_with('\n')) finished.output.pop_back();
    return finished.output;
}

}  // namespace policyd::test
