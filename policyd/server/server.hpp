#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/listener.hpp"
#include "common/config/settings.hpp"
#include "policyd/server/process_metrics.hpp"
#include "policyd/server/worker.hpp"
#include "policyd/services/shared_state.hpp"

namespace policyd::server {

/// The service: its listening sockets and the worker threads that share them. Used by one thread;
/// Reload() may be called by another one, while the first neither starts nor stops it.
class Server {
public:
    /// Listens on `sockets`, or where there are none on what the settings name. Opens everything
    /// that the settings name; throws config::ConfigError or std::runtime_error, and then nothing
    /// has been started.
    explicit Server(const config::Settings& settings,
                    std::vector<async::ListeningSocket> sockets = {});
    /// Stops if that has not been done.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    void Start();

    /// Takes over new settings, all of them or none: throws as the constructor does, and then
    /// everything stays as it was. Options that only a restart changes are left alone.
    void Reload(const config::Settings& settings);

    /// Forgets what is remembered of tables: who asks after this returns is not told of it.
    void FlushCaches();

    /// Whether every worker has done something since this was last called.
    bool IsAlive();

    /// Answers what is being decided, closes every connection and ends the threads.
    void Stop();

private:
    void MakeWorkers(const config::Settings& settings);
    /// On the loops of all workers, and waits until they have done it.
    void OnEachWorker(std::function<void(Worker&, std::size_t)> work);
    void WarnOfUntold() const;

    services::SharedState shared_;
    const ProcessMetrics metrics_{shared_};
    ConnectionRoom room_;
    std::vector<async::ListeningSocket> sockets_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::uint64_t> turns_seen_;  // of each worker
    std::vector<std::thread> threads_;
};

}  // namespace policyd::server
