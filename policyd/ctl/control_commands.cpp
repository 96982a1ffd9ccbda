#include "policyd/ctl/control_commands.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "common/async/endpoint.hpp"
#include "common/config/config_error.hpp"
#include "common/config/config_file.hpp"
#include "policyd/ctl/exit_status.hpp"
#include "policyd/ctl/policy_client.hpp"

namespace policyd::ctl {
namespace {

/// A reload connects to every back end before it is done.
constexpr std::chrono::seconds kTimeLimit{60};

struct ControlArguments {
    std::string socket;
    std::string config = config::kDefaultPath;
};

/// The socket that was named, else the one of the configuration; where that has mistakes, which
/// the server is to find out, the one of the shipped configuration.
async::Endpoint ControlSocket(const ControlArguments& arguments) {
    if (!arguments.socket.empty()) return async::ParseEndpoint(arguments.socket);
    std::string socket = config::kDefaultControlSocket;
    try {
        socket = config::LoadConfigFile(arguments.config).control_socket;
    } catch (const config::ConfigError&) {
    }
    if (socket.empty())
        throw config::ConfigError("the option control_socket is not set in " + arguments.config);
    return async::ParseEndpoint(socket);
}

int Tell(const std::string& command, const ControlArguments& arguments, Terminal& terminal) {
    const ControlReply reply = TellServer(ControlSocket(arguments), command, kTimeLimit);
    if (reply.done) {
        terminal.out << reply.text;
        return kSuccess;
    }
    terminal.err << "policyctl: " << command << " failed:\n" << reply.text;
    return kBadConfiguration;
}

Run Define(const std::string& name, CLI::App& command, Terminal& terminal) {
    auto arguments = std::make_shared<ControlArguments>();
    command
        .add_option("--socket", arguments->socket,
                    "unix:PATH of the control socket; else control_socket of the configuration")
        ->type_name("ENDPOINT");
    command.add_option("--config", arguments->config, "The configuration")
        ->capture_default_str()
        ->type_name("FILE");
    return [name, arguments, &terminal] { return Tell(name, *arguments, terminal); };
}

}  // namespace

Run DefineReload(CLI::App& command, Terminal& terminal) {
    return Define("reload", command, terminal);
}

Run DefineFlush(CLI::App& command, Terminal& terminal) {
    return Define("flush", command, terminal);
}

}  // namespace policyd::ctl
