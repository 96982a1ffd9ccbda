#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/paths.hpp"
#include "tests/support/policy_client.hpp"
#include "tests/support/process.hpp"

namespace policyd::test {

/// Clients that ask again and again until they are stopped, each on a thread of its own.
class Load {
public:
    /// Asks once over `client`, which is the thread's own; throws if it fails.
    using Ask = std::function<void()>;

    Load(int clients, const std::function<Ask()>& make_client) {
        for (int i = 0; i < clients; ++i)
            threads_.emplace_back([this, ask = make_client()] { Run(ask); });
    }
    ~Load() { Stop(); }

    /// Waits until this many more questions were answered.
    void WaitForAnswers(std::uint64_t more) {
        const std::uint64_t until = answers_ + more;
        WaitUntil("answers", [&] { return answers_ >= until || !Failure().empty(); });
    }
    void Stop() {
        stopping_ = true;
        for (std::thread& thread : threads_)
            if (thread.joinable()) thread.join();
    }
    std::string Failure() {
        const std::lock_guard lock(mutex_);
        return failure_;
    }

private:
    void Run(const Ask& ask) {
        try {
            while (!stopping_) {
                ask();
                ++answers_;
            }
        } catch (const std::exception& error) {
            const std::lock_guard lock(mutex_);
            failure_ += error.what() + std::string("\n");
        }
    }

    std::atomic<bool> stopping_ = false;
    std::atomic<std::uint64_t> answers_ = 0;
    std::mutex mutex_;
    std::string failure_;  // guarded by mutex_
    std::vector<std::thread> threads_;
};

inline constexpr int kClients = 6;

inline const std::string kJoe = RequestText({{"recipient", "joe@example.com"}});

inline Finished TellPolicyd(const std::string& command,
                            const std::filesystem::path& control_socket) {
    return Run({ProgramPath("policyctl"), command, "--socket", "unix:" + control_socket.string()});
}

}  // namespace policyd::test
