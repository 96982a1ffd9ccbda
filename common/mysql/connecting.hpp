#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "common/mysql/server_board.hpp"
#include "common/mysql/session.hpp"

namespace policyd::mysql {

/// Connects to servers beside each other, each on a thread of its own: the library waits for a
/// silent one for whole seconds, and nobody who asks is to wait as long where another one answers.
/// Used by one thread. To see beforehand whether a port answers at all would be no good: MariaDB
/// logs connections that are dropped, and in the end refuses the host (max_connect_errors).
class Connecting {
public:
    using Clock = std::chrono::steady_clock;

    /// What came of connecting to a server.
    struct End {
        std::size_t server;
        std::unique_ptr<Session> session{};  ///< null: it failed
        std::optional<Error> error{};
    };

    explicit Connecting(std::shared_ptr<ServerBoard> board);
    /// Waits for all that is under way.
    ~Connecting();
    Connecting(const Connecting&) = delete;
    Connecting& operator=(const Connecting&) = delete;

    /// By the name or the address that is configured. Waits for the end itself where the account
    /// has no other way to any server, or where there can be no more threads.
    void Begin(std::size_t server);
    /// By each address of the names that keep silent, unless a certificate is to bear the name.
    /// False if there are none.
    bool BeginByAddresses();

    /// The next that ended; nothing at `until`, or if none is under way.
    std::optional<End> WaitForNext(Clock::time_point until);

    /// Those that have kept silent ever since.
    std::set<std::size_t> SilentSince(Clock::time_point then);

    /// Nobody waits any more. The board hears of those that give a session yet.
    void LeaveAlone();

    /// Sees whether the server is back, while others answer. The board hears of it.
    void LookAt(std::size_t server);

private:
    struct Attempt {
        Attempt(std::size_t of, const Server& there, bool looks, bool somebody_waits)
            : server(of), where(there), is_look(looks), is_wanted(somebody_waits) {}

        const std::size_t server;
        const Server where;
        const bool is_look;
        const Clock::time_point began = Clock::now();
        bool is_wanted;            // guarded by mutex_
        bool has_ended = false;    // guarded by mutex_
        std::optional<End> end{};  // guarded by mutex_; of one that is wanted
        std::thread thread{};
    };

    bool HasOneWay() const;
    void Begin(std::size_t server, const Server& where);
    bool TryThread(Attempt& attempt);
    End Connect(const Attempt& attempt) const;
    void Run(Attempt& attempt);
    void Finish(Attempt& attempt, End end);
    void TellBoard(const Attempt& attempt, const End& end);
    void ForgetEnded();

    const std::shared_ptr<ServerBoard> board_;
    std::mutex mutex_;
    std::condition_variable something_ended_;
    /// Its elements are shared with their threads.
    std::list<Attempt> attempts_;
};

}  // namespace policyd::mysql
