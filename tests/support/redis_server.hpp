#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/async/endpoint.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// A real Redis of the test's own, on a UNIX socket and on a loopback port, with its data in a
/// scratch directory, where it survives a restart (append-only file, every second).
class RedisServer {
public:
    /// `arguments` go to redis-server after ours: {"--requirepass", "secret"}.
    explicit RedisServer(std::vector<std::string> arguments = {});

    async::Endpoint UnixEndpoint() const;
    async::Endpoint TcpEndpoint() const;
    const ScratchDirectory& Directory() const { return directory_; }

    /// Starts it again and waits until it answers.
    void Start();
    /// Ends it by a signal and waits for its end.
    void Stop(int signal);
    /// It keeps its connections, and answers nothing until Resume().
    void Pause();
    void Resume();

    /// Runs redis-cli with these words; throws if Redis answers with an error. Returns its answer
    /// as redis-cli prints it, without the last line end.
    std::string Command(std::vector<std::string> words) const;

private:
    ScratchDirectory directory_;
    const int port_;
    const std::vector<std::string> arguments_;
    std::unique_ptr<Process> process_;
};

}  // namespace policyd::test
