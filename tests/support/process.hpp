#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace policyd::test {

/// A child process that a test started, in a process group of its own. Killed at the end if it
/// still runs.
class Process {
public:
    struct Options {
        std::filesystem::path output;            ///< stdout and stderr go here; empty: inherited
        std::vector<std::string> environment{};  ///< NAME=value, added to ours
        std::filesystem::path directory{};       ///< empty: ours
    };

    Process(std::vector<std::string> arguments, const Options& options);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    pid_t Pid() const { return pid_; }
    bool IsRunning();
    void Signal(int signal);
    /// The exit status, 128 + the signal that ended it; nothing if it still runs after `limit`.
    std::optional<int> Wait(std::chrono::milliseconds limit = std::chrono::seconds(30));

private:
    pid_t pid_ = -1;
    std::optional<int> status_;
};

struct Finished {
    int status = 0;
    std::string output;  ///< stdout
    std::string errors;  ///< stderr
};

/// Runs a command to its end with `input` as its standard input. Throws if it takes longer than
/// `limit`.
Finished Run(std::vector<std::string> arguments, const std::string& input = "",
             std::chrono::milliseconds limit = std::chrono::seconds(60));

/// Waits until `condition` holds; throws, naming `what` and, if given, ending with the contents of
/// `log`, if that takes longer than `limit`. Looks every few milliseconds.
void WaitUntil(const std::string& what, const std::function<bool()>& condition,
               const std::filesystem::path& log = {},
               std::chrono::milliseconds limit = std::chrono::seconds(30));

/// A TCP port of the loopback address that nobody listens on, from 10000 to 22000: below the
/// ephemeral ones, and different for every caller on the machine at one time.
int FreePort();

bool CanConnect(int port);
bool CanConnect(const std::filesystem::path& socket);

}  // namespace policyd::test
