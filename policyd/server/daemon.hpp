#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/async/detached_call.hpp"
#include "common/async/event_loop.hpp"
#include "common/async/periodic.hpp"
#include "common/async/signal_watch.hpp"
#include "common/async/task.hpp"
#include "common/async/wake_up.hpp"
#include "common/config/settings.hpp"
#include "common/outage/outage_log.hpp"
#include "policyd/server/http_endpoint.hpp"
#include "policyd/server/server.hpp"
#include "policyd/server/service_manager.hpp"

namespace policyd::server {

/// The life of the process: starts the server, tells the service manager, answers at /metrics,
/// /health and the control socket, reloads on SIGHUP and stops on SIGTERM. Used by the main thread.
class Daemon {
public:
    /// Reads the configuration and opens everything that it names; throws config::ConfigError or
    /// another std::exception if it cannot.
    explicit Daemon(std::string config_path);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Serves until SIGTERM or SIGINT.
    void Run();

private:
    Daemon(std::string config_path, config::Settings settings, PassedSockets sockets);
    void OpenEndpoints(PassedSockets sockets);
    void OpenEndpoint(std::optional<async::ListeningSocket> passed, const std::string& setting,
                      std::vector<HttpEndpoint::Route> routes);
    void WatchSignals();
    void CheckAlive();
    async::Task<HttpReply> Reload();
    async::Task<> ReloadForSignal();
    async::Task<HttpReply> ReloadNow();
    struct Wanted;
    async::Task<std::optional<Wanted>> ReadWanted();
    async::Task<std::string> TakeOver(const Wanted& wanted);
    void FollowTables();
    async::Task<> NoteProblems();
    void StopServer();
    void Stop();

    const std::string config_path_;
    const config::Settings settings_;  // at the start
    async::EventLoop control_;
    std::unique_ptr<Server> server_;  // made last: once it listens, all else is in place
    std::vector<std::unique_ptr<HttpEndpoint>> endpoints_;
    std::vector<std::unique_ptr<async::SignalWatch>> signals_;
    std::unique_ptr<async::Periodic> alive_check_;
    std::unique_ptr<async::Periodic> watchdog_;
    std::unique_ptr<async::Periodic> follow_tables_;
    bool alive_ = true;  // every worker, the last time that somebody looked
    std::thread stopper_;
    std::size_t reloads_ = 0;  // one that runs, and those that wait for it
    bool is_reloading_ = false;
    std::unique_ptr<async::DetachedCall<Wanted>> reading_;  // what a reload is to take over
    using Problems = std::vector<std::pair<std::string, std::string>>;  // of tables, by name
    std::unique_ptr<async::DetachedCall<Problems>> following_;
    outage::OutageLog tables_{std::chrono::milliseconds(0)};  // that cannot be read again
    async::WakeUp reload_ended_;
    bool stopping_ = false;
    bool stopped_ = false;
    double last_reload_succeeded_ = 1;
    metrics::Observed last_reload_{
        metrics::Metric::kLastReload, {}, [this] { return last_reload_succeeded_; }};
};

/// `wanted`, but for the options that only a restart changes: those stay as in `running`.
config::Settings WithRestartOptionsOf(const config::Settings& running,
                                      const config::Settings& wanted);

}  // namespace policyd::server
