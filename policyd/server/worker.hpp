#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/listener.hpp"
#include "common/async/periodic.hpp"
#include "policyd/server/connection_room.hpp"
#include "policyd/server/session.hpp"

namespace policyd::server {

/// One event loop with its connections. Created and used on the thread that runs it; the calls
/// that other threads may make say so.
class Worker final : private ConnectionRoom::Waiter {
public:
    /// `host_name` stands for peers on this machine. `room` outlives the worker, and is shared.
    Worker(std::string host_name, const SessionLimits& limits, ConnectionRoom& room);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    async::EventLoop& Loop() noexcept { return loop_; }

    /// Requests that come from now on are decided by these services, which belong to Loop(); the
    /// ones before are destroyed when the last request that uses them has ended. `asks_alike` as in
    /// Services::TakeOver().
    void Use(std::unique_ptr<services::Services> services, bool asks_alike = false);
    /// Has services that nothing uses end, without waiting for what takes long. Loop thread.
    void Retire(std::unique_ptr<services::Services> unused);

    /// Accepts connections from these sockets once it runs; they outlive the worker. Before Run().
    void Listen(const std::vector<async::ListeningSocket>& sockets);

    /// Null before the first. Loop thread.
    const services::Services* CurrentServices() const noexcept { return services_.get(); }
    /// Forgets what is remembered of tables. Loop thread.
    void FlushCaches();

    /// Takes over changed limits. Loop thread.
    void Use(const SessionLimits& limits) { limits_ = limits; }

    /// Goes up for as long as the loop turns. Any thread.
    std::uint64_t Turns() const noexcept { return turns_; }

    /// Serves until Stop(); then answers what is being decided, for as long as requests may take,
    /// and returns when the last connection is closed and the usage store has been told what it
    /// missed, if it can be told in that time.
    void Run();

    /// After Run(): whether threads are still at work for it, such as one that waits for the
    /// addresses of a name. They need the worker for as long as they live.
    bool IsNeeded() const noexcept { return is_needed_; }

    /// Any thread may call it, once.
    void Stop();

    /// Instead of Run(): closes what was opened.
    void Close();

private:
    using Sessions = std::list<Session>;

    void StopListening();
    bool TakePlace(async::Listener& listener);
    void OnRoom() override;
    void UsePlace();
    void StartSession(async::UvHandle<uv_any_handle> socket);
    async::Task<> Serve(Sessions::iterator session);
    /// Whatever of them end meanwhile.
    void ForEachSession(const std::function<void(Session&)>& work);
    bool HasEnded() const;
    void EndWhenIdle();
    void MakeRoom();
    void CheckTimes();
    void TendServices();

    async::EventLoop loop_;
    const std::string host_name_;
    SessionLimits limits_;
    ConnectionRoom& room_;
    const Session::Clock clock_;
    const Session::CurrentServices current_services_;
    SessionMetrics metrics_;
    std::shared_ptr<services::Services> services_;
    Sessions sessions_;
    Sessions::iterator next_session_ = sessions_.end();  // of ForEachSession()
    std::vector<std::unique_ptr<async::Listener>> listeners_;
    std::unique_ptr<async::Periodic> time_check_;
    bool stopping_ = false;
    bool is_needed_ = false;
    std::chrono::milliseconds give_up_at_{0};  // where it is stopping
    bool tending_ = false;
    std::deque<async::Listener*> waiting_;  // each with a connection for which there was no room
    bool has_place_ = false;                // for the connection that is being accepted
    std::chrono::milliseconds nobody_idle_before_{0};  // for long enough, that is
    std::uint64_t waits_ = 0;                          // for room, since this was last logged
    std::chrono::milliseconds next_wait_log_{0};
    std::atomic<std::uint64_t> turns_ = 0;
};

}  // namespace policyd::server
