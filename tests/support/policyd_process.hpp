#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// How to run policyd besides its configuration.
struct PolicydOptions {
    std::vector<std::string> wrapper{};      ///< a command that runs it: {"prlimit", …}
    std::vector<std::string> environment{};  ///< NAME=value, added to ours
};

/// The real policyd of this build. What it prints goes to a file that is shown when it does not
/// start; at the end it is stopped with SIGTERM, and the test fails unless it exits with 0.
class PolicydProcess {
public:
    using Options = PolicydOptions;

    /// Starts it with a configuration file that makes it listen on this port of 127.0.0.1 or on
    /// this UNIX socket, and waits until it does.
    PolicydProcess(std::filesystem::path config, int port, Options options = {});
    PolicydProcess(std::filesystem::path config, std::filesystem::path socket,
                   Options options = {});
    ~PolicydProcess();
    PolicydProcess(const PolicydProcess&) = delete;
    PolicydProcess& operator=(const PolicydProcess&) = delete;

    /// Again, after Stop() or Kill().
    void Start();
    /// SIGTERM; returns the exit status.
    int Stop();
    /// After a signal that ends it; returns the exit status.
    int Wait();
    /// SIGKILL, as a crash.
    void Kill();
    void Signal(int signal) { process_->Signal(signal); }
    pid_t Pid() const { return process_->Pid(); }
    bool IsRunning() { return process_ && process_->IsRunning(); }

    /// All that it has printed, since the first start.
    std::string Output() const { return ReadFile(output_); }
    void WaitForOutput(const std::string& text) const;

    /// Resident memory in bytes, and open descriptors.
    std::size_t Memory() const;
    std::size_t Descriptors() const;

private:
    bool Listens() const;

    const std::filesystem::path config_;
    const int port_ = 0;
    const std::filesystem::path socket_;
    const Options options_;
    const ScratchDirectory scratch_;
    const std::filesystem::path output_;
    std::unique_ptr<Process> process_;
    bool ended_ = false;  // by Stop() or Kill()
};

}  // namespace policyd::test
