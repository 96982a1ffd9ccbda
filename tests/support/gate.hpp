#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <thread>

namespace policyd::test {

/// A TCP port of 127.0.0.1 before a server: a network, a firewall or a virtual address that a test
/// may break. Open at first.
class Gate {
public:
    explicit Gate(int server_port);
    ~Gate();
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    int Port() const { return port_; }

    /// From now on nothing passes, neither over new connections nor over old ones; all of them stay
    /// open: a firewall that drops packets.
    void Hold() { held_ = true; }
    /// What was held passes.
    void Release() { held_ = false; }
    /// Resets every connection. New ones are taken.
    void Reset();
    /// New connections lead to this server; the ones that there are, are reset: a virtual address
    /// that moves.
    void LeadTo(int server_port);

private:
    struct Passage {
        int client = -1;
        int server = -1;
        bool broken = false;
    };

    void Serve();
    void Accept();
    static bool Pass(int from, int to);
    static void Close(Passage& passage);

    const int port_;
    std::atomic<int> server_port_;
    std::atomic<bool> held_ = false;
    std::atomic<bool> ending_ = false;
    std::mutex mutex_;
    std::list<Passage> passages_;  // guarded by mutex_
    int listening_ = -1;
    std::thread thread_;
};

}  // namespace policyd::test
