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
#include "common/tables/table_contents.hpp"
#include "policyd/server/process_metrics.hpp"
#include "policyd/server/worker.hpp"
#include "policyd/services/shared_state.hpp"

namespace policyd::server {

/// What a server goes by: the settings, and what is in the files that they name.
struct Configuration {
    config::Settings settings;
    std::shared_ptr<tables::TableContents> tables;
};

/// What a reload takes over.
struct NewConfiguration {
    Configuration configuration;
    bool is_in_force = false;  ///< nothing in it is new
    /// What is remembered of tables is what they would say now, too (services::AskAlike).
    bool asks_alike = false;
};

/// Reads what the settings name, and asks their servers, which may take long, on the calling
/// thread. Throws as Server's constructor does, and config::ConfigError where a server refuses what
/// a table that is new or another asks: a query, a right, a password. One that is down is no
/// reason.
NewConfiguration ReadConfiguration(const config::Settings& settings, const Configuration& in_force);

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

    const Configuration& InForce() const noexcept { return in_force_; }

    /// Takes over a new configuration, all of it or nothing: throws as the constructor does, and
    /// then everything stays as it was. Options that only a restart changes are left alone. What
    /// was remembered is not fresh any more; without anything new, all stays as it is.
    void Reload(const NewConfiguration& wanted);

    /// Forgets what is remembered of tables: who asks after this returns is not told of it.
    void FlushCaches();

    /// Whether every worker has done something since this was last called.
    bool IsAlive();

    /// Answers what is being decided, closes every connection and ends the threads.
    void Stop();

private:
    void MakeWorkers();
    /// On the loops of all workers, and waits until they have done it.
    void OnEachWorker(std::function<void(Worker&, std::size_t)> work);
    void WarnOfUntold() const;

    Configuration in_force_;
    services::SharedState shared_;
    const ProcessMetrics metrics_{shared_};
    ConnectionRoom room_;
    std::vector<async::ListeningSocket> sockets_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::uint64_t> turns_seen_;  // of each worker
    std::vector<std::thread> threads_;
};

}  // namespace policyd::server
