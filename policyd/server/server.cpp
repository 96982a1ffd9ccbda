#include "policyd/server/server.hpp"

#include <unistd.h>

#include <future>
#include <utility>

#include "common/config/config_error.hpp"

namespace policyd::server {

namespace {

/// Messages that are under way at one time on a large site, and how long a slow client may take
/// from its first RCPT to the end of its data.
constexpr std::size_t kMostMessages = 100'000;
constexpr std::chrono::hours kMessageExpiry{1};

std::string HostName() {
    char name[256] = "";
    if (gethostname(name, sizeof name - 1) != 0) return "localhost";
    return name;
}

Worker::Limits LimitsFrom(const config::Settings& settings) {
    Worker::Limits limits;
    limits.session.request_time = settings.request_time_limit;
    limits.session.idle_time = settings.idle_time_limit;
    limits.most_connections =
        settings.max_connections / std::max<std::uint64_t>(settings.workers, 1);
    return limits;
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

}  // namespace

Server::Server(const config::Settings& settings) : messages_(kMostMessages, kMessageExpiry) {
    sockets_ = OpenSockets(settings);
    for (std::uint64_t i = 0; i < settings.workers; ++i) {
        workers_.push_back(std::make_unique<Worker>(sockets_, HostName(), LimitsFrom(settings)));
        Worker& worker = *workers_.back();
        worker.Use(std::make_unique<services::Services>(worker.Loop(), settings, messages_));
    }
}

Server::~Server() {
    Stop();
}

void Server::Start() {
    for (const auto& worker : workers_)
        threads_.emplace_back([&worker = *worker] { worker.Run(); });
}

void Server::Reload(const config::Settings& settings) {
    // Each worker builds on its own thread what will belong to it; then all change over, or none.
    using Built = std::unique_ptr<services::Services>;
    std::vector<std::future<Built>> building;
    for (const auto& worker : workers_) {
        const auto built = std::make_shared<std::promise<Built>>();
        building.push_back(built->get_future());
        worker->Loop().Post([this, built, settings, &worker = *worker] {
            try {
                built->set_value(
                    std::make_unique<services::Services>(worker.Loop(), settings, messages_));
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
    // What is not used is destroyed where it belongs, too.
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->Loop().Post([use = !failure, built = all[i], &worker = *workers_[i]] {
            if (!built) return;
            if (use) worker.Use(std::move(*built));
            built->reset();
        });
    }
    if (failure) std::rethrow_exception(failure);
}

void Server::Stop() {
    if (threads_.empty()) {
        // Never started: what was built is closed by the loops that own it.
        for (const auto& worker : workers_) {
            worker->Stop();
            worker->Run();
        }
    } else {
        for (const auto& worker : workers_) worker->Stop();
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }
    workers_.clear();
}

}  // namespace policyd::server
