#include <signal.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "common/async/event_loop.hpp"
#include "common/config/config_file.hpp"
#include "common/log/logging.hpp"
#include "policyd/server/server.hpp"

namespace {

using policyd::async::EventLoop;
using policyd::async::MakeHandle;
using policyd::async::UvHandle;

/// Exit statuses, as sysexits.h has them.
constexpr int kExitConfig = 78;
constexpr int kExitCannotStart = 71;

policyd::log::LogSettings LogSettingsFrom(const policyd::config::Settings& settings) {
    policyd::log::LogSettings log;
    log.destination = settings.log_destination;
    log.level = settings.log_level;
    return log;
}

/// Calls `function` on the loop whenever the signal comes.
class SignalWatch {
public:
    SignalWatch(EventLoop& loop, int signal, std::function<void()> function)
        : function_(std::move(function)),
          watch_(MakeHandle<uv_signal_t>("uv_signal_init", this, uv_signal_init, loop.Raw())) {
        policyd::async::ThrowIfFailed(uv_signal_start(
                                          watch_.get(),
                                          [](uv_signal_t* watch, int) {
                                              static_cast<SignalWatch*>(watch->data)->function_();
                                          },
                                          signal),
                                      "uv_signal_start");
    }

private:
    std::function<void()> function_;
    UvHandle<uv_signal_t> watch_;
};

void Reload(policyd::server::Server& server, const std::string& config) {
    policyd::log::Reopen();
    sd_notify(0, "RELOADING=1");
    try {
        const policyd::config::Settings settings = policyd::config::LoadConfigFile(config);
        server.Reload(settings);
        policyd::log::Configure("policyd", LogSettingsFrom(settings));
        policyd::log::Info("reloaded: {}", config);
    } catch (const std::exception& error) {
        policyd::log::Error("reload failed, the old configuration stays: {}", error.what());
    }
    sd_notify(0, "READY=1");
}

int Serve(const std::string& config) {
    const policyd::config::Settings settings = policyd::config::LoadConfigFile(config);
    policyd::log::Configure("policyd", LogSettingsFrom(settings));
    policyd::server::Server server(settings);

    EventLoop control;
    bool stopping = false;
    const auto stop = [&] {
        stopping = true;
        control.Stop();
    };
    {
        const SignalWatch terminate(control, SIGTERM, stop);
        const SignalWatch interrupt(control, SIGINT, stop);
        const SignalWatch hang_up(control, SIGHUP, [&] { Reload(server, config); });
        server.Start();
        policyd::log::Info("ready: version {}", POLICYD_VERSION);
        sd_notify(0, "READY=1");
        while (!stopping) control.Run();
        sd_notify(0, "STOPPING=1");
        server.Stop();
    }
    policyd::log::Info("stopped");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("policyd, the access and quota policy service for Postfix", "policyd");
    std::string config = policyd::config::kDefaultPath;
    app.add_option("-c,--config", config, "The configuration file")->capture_default_str();
    app.set_version_flag("--version", "policyd " POLICYD_VERSION);
    app.footer("Exit status: 0 after SIGTERM, 71 cannot start, 78 mistake in the configuration.");
    CLI11_PARSE(app, argc, argv);

    // A Postfix that goes away must not take the service with it.
    signal(SIGPIPE, SIG_IGN);
    int status = 0;
    try {
        status = Serve(config);
    } catch (const policyd::config::ConfigError& error) {
        std::fprintf(stderr, "policyd: %s\n", error.what());
        status = kExitConfig;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "policyd: %s\n", error.what());
        status = kExitCannotStart;
    }
    policyd::log::Shutdown();
    return status;
}
