#pragma once

#include <signal.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::test {

/// A MariaDB server of a test's own, in a scratch directory, on a UNIX socket that every user may
/// connect to and on a TCP port of 127.0.0.1. Text is utf8mb4 unless said otherwise; root has no
/// password. Takes about two seconds to make and to start.
class MariaDbServer {
public:
    /// Starts it. Throws with the server's log if it does not. `arguments` come after ours.
    explicit MariaDbServer(std::vector<std::string> arguments = {});
    ~MariaDbServer();
    MariaDbServer(const MariaDbServer&) = delete;
    MariaDbServer& operator=(const MariaDbServer&) = delete;

    /// Runs statements as root; returns what they select: a line for each row, its columns
    /// separated by tabs. Throws with the server's message if one fails.
    std::string Execute(const std::string& statements, const std::string& database = "");

    std::filesystem::path Socket() const { return directory_ / "mysqld.sock"; }
    int Port() const { return port_; }
    /// `hosts = …` of a Postfix table file.
    std::string Hosts() const { return "unix:" + Socket().string(); }

    /// Ends it, in good order or by another signal; what it stores is there again after Start().
    void Stop(int signal = SIGTERM);
    void Start();
    /// Whatever was done to it: afterwards it runs and answers.
    void MakeSound();
    /// Stops answering without closing a connection, until Resume().
    void Pause();
    void Resume();

private:
    ScratchDirectory directory_;
    int port_;
    const std::vector<std::string> arguments_;
    std::unique_ptr<Process> process_;
};

}  // namespace policyd::test
