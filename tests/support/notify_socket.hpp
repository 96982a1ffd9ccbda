#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace policyd::test {

/// The service manager's end of sd_notify(3).
class NotifySocket {
public:
    explicit NotifySocket(const std::filesystem::path& path);
    ~NotifySocket();
    NotifySocket(const NotifySocket&) = delete;
    NotifySocket& operator=(const NotifySocket&) = delete;

    /// The next message that is not the watchdog's.
    std::string Next();
    /// The next message; "nothing" if none comes for that long.
    std::string Receive(std::chrono::seconds time = std::chrono::seconds(30));
    /// Throws away what has come so far.
    void Forget();

private:
    int fd_;
};

}  // namespace policyd::test
