#include "policyd/server/server.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <limits>
#include <utility>

#include "common/async/detached_call.hpp"
#include "common/async/start_thread.hpp"
#include "common/config/config_error.hpp"
#include "common/log/logging.hpp"
#include "policyd/server/descriptor_limit.hpp"
#include "policyd/server/http_endpoint.hpp"

namespace policyd::server {

namespace {

std::string HostName() {
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) != 0) return "localhost";
    return name;
}

/// Descriptors that are open besides the connections of clients.
std::uint64_t OtherDescriptors(const Configuration& configuration, std::size_t sockets) {
    // Logs, libraries, files that are read, the loop of the endpoints, what tries new tables.
    constexpr std::uint64_t kOfTheProcess = 64;
    // metrics_listen and control_socket.
    constexpr std::uint64_t kOfEndpoints = 2 * HttpEndpoint::kMostExchanges;
    // The loop, and the usage store, which a reload leaves as it is.
    constexpr std::uint64_t kOfEachWorker = 16;
    // The listening socket, and a connection that waits for a place.
    constexpr std::uint64_t kOfEachSocket = 2;
    const config::Settings& settings = configuration.settings;
    const std::uint64_t of_tables = services::DescriptorsOfTables({settings, configuration.tables});
    // A reload opens new tables while the old ones are still asked.
    return kOfTheProcess + kOfEndpoints + sockets +
           settings.workers * (kOfEachWorker + kOfEachSocket * sockets + 2 * of_tables);
}

std::vector<async::ListeningSocket> OpenSockets(const config::Settings& settings) {
    async::ListeningSocket::UnixAccess access;
    access.mode = static_cast<unsigned>(std::stoul(settings.unix_socket_mode, nullptr, 8));
    access.group = settings.unix_socket_group;
    std::vector<async::ListeningSocket> sockets;
    for (const std::string& endpoint : settings.listen)
        sockets.emplace_back(async::ParseEndpoint(endpoint), access);
    return sockets;
}

SessionLimits LimitsFrom(const config::Settings& settings) {
    return {.request_time = settings.request_time_limit,
            .receive_time = settings.receive_time_limit,
            .send_time = settings.send_time_limit,
            .idle_time = settings.idle_time_limit};
}

constexpr std::uint64_t kNoTurnsSeen = std::numeric_limits<std::uint64_t>::max();

/// With a worker that hangs; it does what it was told as soon as it can.
constexpr std::chrono::seconds kPatience{1};

/// As many as are configured, and for which there are descriptors, where clients connect to so many
/// sockets. Throws std::system_error where there are none.
std::uint64_t MostConnections(const Configuration& configuration, std::size_t sockets) {
    return MakeRoomForConnections(configuration.settings.max_connections,
                                  OtherDescriptors(configuration, sockets));
}

/// Whether any has other rows now. What is wrong with the others is told at the next look.
bool RefreshCompiled(tables::TableContents& contents) {
    const tables::WarningSink warn = [](const std::string& text) { log::Warning("{}", text); };
    bool any_is_new = false;
    for (const auto& [name, text] : contents.AllCompiled())
        any_is_new |= text->Refresh(warn).is_new;
    return any_is_new;
}

/// Those of tables that are as before: what is wrong with one of these would keep from mending
/// others.
void AskServersOfNewTables(const Configuration& wanted, const Configuration& in_force) {
    const std::vector<std::string> refused = services::RefusalsOfServers(
        {wanted.settings, wanted.tables}, {in_force.settings, in_force.tables});
    if (refused.empty()) return;
    const std::string more =
        refused.size() == 1 ? "" : " (and " + std::to_string(refused.size() - 1) + " others)";
    throw config::ConfigError(refused.front() + more);
}

}  // namespace

NewConfiguration ReadConfiguration(const config::Settings& settings,
                                   const Configuration& in_force) {
    // What is not named any more is not looked at: it may be on a server that is gone.
    const bool asks_alike = services::AskAlike(settings, in_force.settings) &&
                            !RefreshCompiled(*in_force.tables) && in_force.tables->IsUpToDate();
    if (asks_alike && settings == in_force.settings) return {in_force, true, true};
    const auto tables = services::ReadTables(settings, in_force.tables.get());
    // At the start there is nothing better. Here there is, unless what is in force has one as well.
    const std::string mistake = in_force.tables->Mistake().empty() ? tables->Mistake() : "";
    if (!mistake.empty())
        throw config::ConfigError(mistake + ": as for Postfix, no look-up could be answered");
    const Configuration wanted{settings, tables};
    if (!asks_alike) AskServersOfNewTables(wanted, in_force);
    return {wanted, false, asks_alike};
}

Server::Server(const config::Settings& settings, std::vector<async::ListeningSocket> sockets)
    : in_force_{settings, services::ReadTables(settings)},
      room_(MostConnections(in_force_, sockets.empty() ? settings.listen.size() : sockets.size())),
      sockets_(std::move(sockets)) {
    try {
        MakeWorkers();
    } catch (...) {
        Stop();
        throw;
    }
}

void Server::MakeWorkers() {
    const config::Settings& settings = in_force_.settings;
    services::UseInShared(settings, shared_);
    for (std::uint64_t i = 0; i < settings.workers; ++i) {
        workers_.push_back(std::make_unique<Worker>(HostName(), LimitsFrom(settings), room_));
        Worker& worker = *workers_.back();
        worker.Use(std::make_unique<services::Services>(worker.Loop(), settings, shared_,
                                                        in_force_.tables));
    }
    // Only now, so that nobody who connects has to wait for tables that are still being read, or is
    // sent away because of a mistake in one.
    if (sockets_.empty()) sockets_ = OpenSockets(settings);
    if (sockets_.empty())
        throw config::ConfigError(
            "listen: it is empty, and no service manager passes a socket: nobody could ask");
    for (const auto& worker : workers_) worker->Listen(sockets_);
}

Server::~Server() {
    Stop();
}

void Server::Start() {
    for (const auto& worker : workers_) {
        threads_.push_back(async::StartThread([&worker = *worker] {
            // What top(1) and a debugger show.
            pthread_setname_np(pthread_self(), "worker");
            worker.Run();
        }));
    }
}

void Server::Reload(const NewConfiguration& wanted) {
    if (wanted.is_in_force) return;
    const config::Settings& settings = wanted.configuration.settings;
    const std::uint64_t most_connections = MostConnections(wanted.configuration, sockets_.size());
    // Each worker builds on its own thread what will belong to it; then all change over, or none.
    using Built = std::unique_ptr<services::Services>;
    std::vector<std::future<Built>> building;
    for (const auto& worker : workers_) {
        const auto built = std::make_shared<std::promise<Built>>();
        building.push_back(built->get_future());
        worker->Loop().Post([this, built, configuration = wanted.configuration, &worker = *worker] {
            try {
                built->set_value(std::make_unique<services::Services>(
                    worker.Loop(), configuration.settings, shared_, configuration.tables,
                    worker.CurrentServices()));
            } catch (...) {
                built->set_exception(std::current_exception());
            }
        });
    }
    std::vector<std::shared_ptr<Built>> all;
    std::exception_ptr failure;
    for (auto& built : building) {
        try {
            all.push_back(std::make_shared<Built>(built.get()));
        } catch (...) {
            all.push_back(nullptr);
            failure = std::current_exception();
        }
    }
    if (!failure) {
        in_force_ = wanted.configuration;
        room_.Allow(most_connections);
        services::UseInShared(settings, shared_);
    }
    // What is not used ends where it belongs, too.
    OnEachWorker([use = !failure, all, limits = LimitsFrom(settings),
                  asks_alike = wanted.asks_alike](Worker& worker, std::size_t i) {
        if (!all[i]) return;
        if (!use) return worker.Retire(std::move(*all[i]));
        worker.Use(limits);
        worker.Use(std::move(*all[i]), asks_alike);
    });
    if (failure) std::rethrow_exception(failure);
}

void Server::FlushCaches() {
    OnEachWorker([](Worker& worker, std::size_t) { worker.FlushCaches(); });
}

void Server::OnEachWorker(std::function<void(Worker&, std::size_t)> work) {
    const auto shared = std::make_shared<const decltype(work)>(std::move(work));
    std::vector<std::future<void>> done;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        const auto promise = std::make_shared<std::promise<void>>();
        done.push_back(promise->get_future());
        workers_[i]->Loop().Post([shared, promise, i, &worker = *workers_[i]] {
            (*shared)(worker, i);
            promise->set_value();
        });
    }
    for (const std::future<void>& each : done) each.wait_for(kPatience);
}

bool Server::IsAlive() {
    turns_seen_.resize(workers_.size(), kNoTurnsSeen);  // a worker may still have to begin
    bool alive = true;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        const std::uint64_t turns = workers_[i]->Turns();
        if (turns == std::exchange(turns_seen_[i], turns)) alive = false;
    }
    return alive;
}

void Server::Stop() {
    // Who connects from now on is to hear so at once.
    sockets_.clear();
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        // What never started is closed by the loop that owns it all the same.
        if (i < threads_.size())
            workers_[i]->Stop();
        else
            workers_[i]->Close();
    }
    for (std::thread& thread : threads_) thread.join();
    if (!threads_.empty()) WarnOfUntold();
    threads_.clear();
    for (std::unique_ptr<Worker>& worker : workers_)
        if (worker->IsNeeded()) async::DetachedThread::LeaveTo(std::move(worker));
    workers_.clear();
}

void Server::WarnOfUntold() const {
    const std::size_t untold = shared_.owed.Size();
    if (untold == 0) return;
    log::Warning(
        "stopped: the usage store could not be told of {} changes; mail that was let in meanwhile "
        "counts when its mailbox is measured",
        untold);
}

}  // namespace policyd::server
