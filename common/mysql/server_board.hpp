#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/mysql/account.hpp"
#include "common/outage/outage_log.hpp"

namespace policyd::mysql {

/// What is known of the servers of one account: which of them failed, and which to try next. Shared
/// by the worker threads that use them; every call may come from any of these.
class ServerBoard {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Of `connections`, which are wanted, somebody is told where a server gives fewer.
    explicit ServerBoard(Account account, std::size_t connections = 1,
                         outage::Telling telling = outage::Telling::kLogAndMetrics)
        : account_(std::move(account)),
          connections_(connections),
          telling_(telling),
          states_(account_.servers.size()),
          log_(kQuietTime, outage::OutageLog::kMostReasons, telling) {}

    const Account& For() const noexcept { return account_; }
    std::size_t Connections() const noexcept { return connections_; }

    /// The number of the server to try: one at random, sockets before TCP; a server that failed,
    /// and has not been seen to be back, only where no other is left, and none that failed after
    /// `asked`, when the question was put: those who had to wait meanwhile do not wait for it once
    /// more. Nothing if there is none that is not in `tried`.
    std::optional<std::size_t> Choose(const std::vector<std::size_t>& tried, Time asked);

    /// A server that failed, while there are others, and is to be looked at: the caller sees
    /// whether it is back. The same one once in `retry_interval`, until it is surely back.
    std::optional<std::size_t> DueForALook(Time now);

    /// Whether the server has failed since then, for whichever thread.
    bool HasFailedSince(std::size_t server, Time then);

    void NoteSuccess(std::size_t server, Time now);
    /// Whether it is to be told of each success, since some server has failed. Costs no lock.
    bool IsWaitingForSuccess() const noexcept { return is_waiting_; }
    void NoteFailure(std::size_t server, Time now, const std::string& what);
    /// It has no connection left, which is no failure: those that there are go on.
    void NoteNoneLeft(std::size_t server, Time now, const std::string& what);

private:
    struct State {
        bool has_failed = false;
        Time failed_at{};
        std::optional<Time> next_look{};
        std::optional<Time> none_left_said_at{};
    };

    static constexpr std::chrono::seconds kQuietTime{10};
    /// Until it is said again that a server gives too few connections, which may be for long.
    static constexpr std::chrono::minutes kUnsaid{10};

    std::string NameOf(std::size_t server) const;

    const Account account_;
    const std::size_t connections_;
    const outage::Telling telling_;
    std::mutex mutex_;
    std::atomic<bool> is_waiting_ = false;             // written under mutex_
    std::vector<State> states_;                        // guarded by mutex_
    outage::OutageLog log_;                            // guarded by mutex_
    std::minstd_rand random_{std::random_device{}()};  // guarded by mutex_
};

}  // namespace policyd::mysql
