#include "policyd/server/daemon.hpp"

#include <signal.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

#include "common/async/blocking_call.hpp"
#include "common/async/blocking_threads.hpp"
#include "common/async/process.hpp"
#include "common/async/within.hpp"
#include "common/config/config_error.hpp"
#include "common/config/config_file.hpp"
#include "common/config/options.hpp"
#include "common/log/logging.hpp"
#include "policyd/server/become_user.hpp"
#include "policyd/server/lack_of_means.hpp"
#include "policyd/server/metrics_endpoint.hpp"

namespace policyd::server {

namespace {

/// Only the user of the server, and root, may control it.
constexpr unsigned kControlSocketMode = 0600;

/// Workers look at their time limits twenty times as often.
constexpr std::chrono::milliseconds kAliveCheckPeriod{2'000};

/// How soon a table is read again once postmap has compiled it anew.
constexpr std::chrono::milliseconds kFollowPeriod{5'000};

/// Of what a reload takes over. One that hangs is not to keep the next one from being tried.
constexpr std::chrono::seconds kLongestReading{50};

constexpr const char* kProgram = "policyd";

log::LogSettings LogOf(const config::Settings& settings) {
    log::LogSettings log;
    log.destination = settings.log_destination;
    log.level = settings.log_level;
    return log;
}

config::Settings LoadAndConfigureLog(const std::string& path) {
    config::Settings settings = config::LoadConfigFile(path);
    log::Configure(kProgram, LogOf(settings));
    return settings;
}

/// What policyd-scan alone goes by is not for this program's restart.
bool NeedsRestart(const config::Option& option) {
    return option.takes == config::Takes::kEffectOnRestart &&
           config::Concerns(config::Program::kServer, option);
}

}  // namespace

/// What a reload has read.
struct Daemon::Wanted {
    config::Settings settings;  ///< also of what only a restart changes
    NewConfiguration configuration;
    std::function<void()> use_log;
};

Daemon::Daemon(std::string config_path)
    : Daemon(config_path, LoadAndConfigureLog(config_path), TakePassedSockets()) {}

Daemon::Daemon(std::string config_path, config::Settings settings, PassedSockets sockets)
    : config_path_(std::move(config_path)), settings_(std::move(settings)) {
    async::StartBlockingThreads(control_);  // which runs the loop, on which nothing is yet
    std::vector<async::ListeningSocket> policy_sockets = std::move(sockets.policy);
    for (const char* result : {"success", "failure"})
        metrics::Counter(metrics::Metric::kReloads, {result});
    WatchSignals();
    const bool becomes_user = geteuid() == 0 && !settings_.user.empty();
    if (becomes_user) RequireUser(settings_.user);
    OpenEndpoints(std::move(sockets));
    server_ = std::make_unique<Server>(settings_, std::move(policy_sockets));
    // All sockets are open now.
    if (becomes_user) BecomeUser(settings_.user);
    if (geteuid() == 0) log::Warning("running as root, which nothing needs: see the option user");
    if (const auto period = WatchdogPeriod())
        watchdog_ = std::make_unique<async::Periodic>(control_.Raw(), *period, [this] {
            if (alive_) NotifyAlive();
        });
}

Daemon::~Daemon() {
    endpoints_.clear();
    async::LeaveSignalsToOtherThreads();
    signals_.clear();
    // What comes from now on is too late, and not for the default action either.
    async::IgnoreSignals({SIGHUP, SIGUSR1, SIGTERM, SIGINT});
    watchdog_.reset();
    alive_check_.reset();
    follow_tables_.reset();
    control_.Drain();
}

void Daemon::OpenEndpoints(PassedSockets sockets) {
    const auto flush = [this] {
        if (stopping_) return AtOnce({503, "stopping\n"});
        server_->FlushCaches();
        return AtOnce({200, "flushed\n"});
    };
    std::vector<HttpEndpoint::Route> routes = MetricsRoutes([this]() -> std::string {
        if (stopping_) return "stopping";
        return alive_ ? "" : "a worker thread hangs";
    });
    OpenEndpoint(std::move(sockets.metrics), settings_.metrics_listen, routes);
    routes.push_back({"POST", "/reload", [this] { return Reload(); }});
    routes.push_back({"POST", "/flush", flush});
    OpenEndpoint(std::move(sockets.control), settings_.control_socket, std::move(routes));
}

void Daemon::OpenEndpoint(std::optional<async::ListeningSocket> passed, const std::string& setting,
                          std::vector<HttpEndpoint::Route> routes) {
    if (!passed && setting.empty()) return;
    async::ListeningSocket::UnixAccess access;
    access.mode = kControlSocketMode;
    if (geteuid() == 0) access.user = settings_.user;
    if (!passed) passed.emplace(async::ParseEndpoint(setting), access);
    endpoints_.push_back(
        std::make_unique<HttpEndpoint>(control_, std::move(*passed), std::move(routes)));
}

void Daemon::WatchSignals() {
    const auto watch = [this](int signal, std::function<void()> function) {
        signals_.push_back(
            std::make_unique<async::SignalWatch>(control_, signal, std::move(function)));
    };
    watch(SIGTERM, [this] { Stop(); });
    watch(SIGINT, [this] { Stop(); });
    watch(SIGHUP, [this] {
        // One that waits already will see all that has changed until now.
        if (reloads_ < 2) async::Spawn(ReloadForSignal());
    });
    watch(SIGUSR1, [] { log::Info("ignored: SIGUSR1, which has policyd-scan verify"); });
}

void Daemon::Run() {
    server_->Start();
    alive_check_ = std::make_unique<async::Periodic>(control_.Raw(), kAliveCheckPeriod,
                                                     [this] { CheckAlive(); });
    follow_tables_ = std::make_unique<async::Periodic>(control_.Raw(), kFollowPeriod,
                                                       [this] { FollowTables(); });
    log::Info("ready: version {}", POLICYD_VERSION);
    NotifyReady();
    while (!stopped_) control_.Run();
    if (stopper_.joinable()) stopper_.join();
    log::Info("stopped");
}

/// A worker that hangs is a server that hangs: /health says so, and the service manager, which is
/// no longer told that it lives, starts another.
void Daemon::CheckAlive() {
    const bool was_alive = std::exchange(alive_, server_->IsAlive());
    if (was_alive && !alive_) log::Error("hung: a worker thread does nothing any more");
    if (!was_alive && alive_) log::Warning("back again: every worker thread works");
}

/// Postfix uses what postmap has compiled without being told.
void Daemon::FollowTables() {
    if (following_ || reloads_ > 0) return;
    auto compiled = server_->InForce().tables->AllCompiled();
    if (compiled.empty()) return;
    auto look = [compiled = std::move(compiled)] {
        async::GiveWay();
        const tables::WarningSink warn = [](const std::string& text) { log::Warning("{}", text); };
        Problems problems;
        for (const auto& [name, text] : compiled) {
            const tables::CompiledText::Refreshed refreshed = text->Refresh(warn);
            if (refreshed.is_new) log::Info("table: {} has been compiled anew", name);
            problems.emplace_back(name, refreshed.problem);
        }
        return problems;
    };
    try {
        following_ = std::make_unique<async::DetachedCall<Problems>>(control_, std::move(look));
    } catch (const std::system_error&) {
        return;  // there can be no more threads now
    }
    async::Spawn(NoteProblems());
}

async::Task<> Daemon::NoteProblems() {
    const std::optional<Problems> problems = co_await following_->End();
    following_.reset();
    if (!problems) co_return;
    for (const auto& [name, problem] : *problems) {
        if (problem.empty()) {
            tables_.Answered(name, control_.Now());
        } else {
            tables_.Failed(name, problem, control_.Now());
        }
    }
}

/// All that takes time is done by another thread, so that /health is answered meanwhile, and the
/// service manager hears that the process lives.
async::Task<HttpReply> Daemon::Reload() {
    ++reloads_;
    while (is_reloading_) co_await reload_ended_.Wait();
    is_reloading_ = true;
    HttpReply reply;
    if (stopping_) {
        reply = {503, "stopping\n"};
    } else {
        reply = co_await ReloadNow();
    }
    is_reloading_ = false;
    --reloads_;
    if (stopping_) StopServer();
    reload_ended_.Set();
    co_return reply;
}

async::Task<> Daemon::ReloadForSignal() {
    co_await Reload();
}

async::Task<HttpReply> Daemon::ReloadNow() {
    log::Reopen();
    NotifyReloading();
    HttpReply reply;
    std::string failure;
    bool lacks_means = false;
    try {
        const std::optional<Wanted> wanted = co_await ReadWanted();
        if (!wanted) co_return HttpReply{503, "stopping\n"};
        const std::string left = co_await TakeOver(*wanted);
        reply.body = "reloaded\n";
        if (!left.empty()) {
            log::Warning("reload: these take effect on restart only: {}", left);
            reply.body += "These take effect on restart only: " + left + '\n';
        }
        const bool is_as_before = wanted->configuration.is_in_force && left.empty();
        log::Info("reloaded: {}{}", config_path_, is_as_before ? ": nothing has changed" : "");
    } catch (const config::ConfigError& mistake) {
        failure = config::Located(mistake, config_path_).what();
        lacks_means = IsLackOfMeans(mistake);
    } catch (const std::exception& error) {
        failure = error.what();
        lacks_means = IsLackOfMeans(error);
    }
    if (!failure.empty()) {
        log::Error("reload failed, the old configuration stays: {}", failure);
        reply = {lacks_means ? 507 : 500, failure + '\n'};
    }
    const bool succeeded = reply.status == 200;
    metrics::Counter(metrics::Metric::kReloads, {succeeded ? "success" : "failure"}).Add();
    last_reload_succeeded_ = succeeded ? 1 : 0;
    if (!stopping_) NotifyReady();
    co_return reply;
}

/// Nothing where a stop has not waited for it: nobody knows how long reading a file takes.
async::Task<std::optional<Daemon::Wanted>> Daemon::ReadWanted() {
    auto read = [path = config_path_, at_start = settings_, in_force = server_->InForce()] {
        async::GiveWay();
        Wanted wanted;
        wanted.settings = config::LoadConfigFile(path);
        const config::Settings settings = WithRestartOptionsOf(at_start, wanted.settings);
        wanted.use_log = log::PrepareConfigure(kProgram, LogOf(settings));
        wanted.configuration = ReadConfiguration(settings, in_force);
        return wanted;
    };
    reading_ = std::make_unique<async::DetachedCall<Wanted>>(control_, std::move(read));
    auto wanted = co_await async::Within(control_.Raw(), kLongestReading, reading_->End());
    reading_.reset();
    if (stopping_) co_return std::nullopt;
    if (!wanted)
        throw std::runtime_error("a file that it names cannot be read: that takes longer than " +
                                 std::to_string(kLongestReading.count()) + " s");
    co_return std::move(*wanted);
}

/// All that is wanted is in force afterwards, or, if it throws, nothing. Returns the names of what
/// only a restart changes.
async::Task<std::string> Daemon::TakeOver(const Wanted& wanted) {
    auto reload = [this, &configuration = wanted.configuration] {
        server_->Reload(configuration);
        return std::monostate();
    };
    async::BlockingCall call(control_.Raw(), std::move(reload));
    co_await call;
    wanted.use_log();
    co_return config::Changed(settings_, wanted.settings, &NeedsRestart);
}

void Daemon::Stop() {
    if (std::exchange(stopping_, true)) return;
    log::Info("stopping");
    NotifyStopping();
    watchdog_.reset();
    alive_check_.reset();
    follow_tables_.reset();
    if (reading_) reading_->LeaveBehind();
    if (following_) following_->LeaveBehind();
    StopServer();
}

/// It ends on a thread of its own, so that /health is answered meanwhile; after a reload that is
/// changing over.
void Daemon::StopServer() {
    if (reloads_ > 0 || stopper_.joinable()) return;
    const auto stop = [this] {
        server_->Stop();
        control_.Post([this] {
            stopped_ = true;
            control_.Stop();
        });
    };
    try {
        stopper_ = std::thread(stop);
    } catch (const std::system_error&) {
        stop();  // there can be no more threads: /health has to wait
    }
}

config::Settings WithRestartOptionsOf(const config::Settings& running,
                                      const config::Settings& wanted) {
    config::Settings settings = wanted;
    for (const config::Option& option : config::Options()) {
        if (option.takes != config::Takes::kEffectOnRestart) continue;
        std::visit([&](auto field) { settings.*field = running.*field; }, option.field);
    }
    return settings;
}

}  // namespace policyd::server
