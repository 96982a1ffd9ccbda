#pragma once

#include <cstddef>
#include <deque>
#include <mutex>

namespace policyd::server {

/// How many connections may be open at one time, counted for all workers together: a limit for
/// each would let a client wait at one of them while another has room. Any thread.
class ConnectionRoom {
public:
    class Waiter {
    public:
        /// A place that it waited for is its own now. Called on any thread, and not for long: all
        /// who take or return a place meanwhile wait.
        virtual void OnRoom() = 0;

    protected:
        ~Waiter() = default;
    };

    explicit ConnectionRoom(std::size_t most) : most_(most) {}
    ConnectionRoom(const ConnectionRoom&) = delete;
    ConnectionRoom& operator=(const ConnectionRoom&) = delete;

    /// Takes a place, or stands in line for one where there is none: once for every call. `waiter`
    /// lives until it has its place or is forgotten.
    bool TakeOrWait(Waiter& waiter);
    /// Gives a place back. Who has waited for longest gets it.
    void Return();
    /// After this returns, `waiter` is not told of a place any more.
    void Forget(const Waiter& waiter);

    bool SomebodyWaits() const;

    /// From now on; connections that are too many stay until they close by themselves.
    void Allow(std::size_t most);

private:
    void ServeLine();

    mutable std::mutex mutex_;
    std::size_t most_;       // guarded by mutex_, as what follows
    std::size_t taken_ = 0;  // may be more than most_ after Allow()
    std::deque<Waiter*> line_;
};

}  // namespace policyd::server
