#include "policyd/ctl/control_commands.hpp"

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include "common/async/endpoint.hpp"
#include "common/config/config_error.hpp"
#include "common/config/config_file.hpp"
#include "common/text/ascii.hpp"
#include "policyd/ctl/exit_status.hpp"
#include "policyd/ctl/policy_client.hpp"

namespace policyd::ctl {
namespace {

/// A reload may read files for most of a minute before it fails.
constexpr std::chrono::seconds kTimeLimit{60};

struct ControlArguments {
    std::string socket;
    std::string config = config::kDefaultPath;
};

/// Where the server listens, and what is wrong with the configuration that should tell.
struct ControlSocket {
    std::string endpoint;
    std::string mistake{};
};

/// What a configuration that cannot be read as a whole seems to say: the text in quotes behind the
/// option's name, else what is shipped.
std::string GuessedControlSocket(const std::string& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const std::string_view name = text::Trim(std::string_view(line).substr(0, line.find('=')));
        const std::size_t begin = line.find_first_of("\"'");
        if (name != "control_socket" || begin == std::string::npos) continue;
        const std::size_t end = line.find(line[begin], begin + 1);
        if (end != std::string::npos) return line.substr(begin + 1, end - begin - 1);
    }
    return config::kDefaultControlSocket;
}

/// The socket that was named, else the one of the configuration. One with mistakes is for the
/// server to refuse, and to log.
ControlSocket FindControlSocket(const ControlArguments& arguments) {
    if (!arguments.socket.empty()) {
        if (!arguments.socket.starts_with("unix:"))
            throw std::invalid_argument("--socket: expected unix:PATH");
        return {arguments.socket};
    }
    try {
        return {config::LoadConfigFile(arguments.config).control_socket};
    } catch (const config::ConfigError& error) {
        return {GuessedControlSocket(arguments.config), error.what()};
    }
}

ControlReply Reach(const ControlSocket& socket, const std::string& command) {
    try {
        return TellServer(async::ParseEndpoint(socket.endpoint), command, kTimeLimit);
    } catch (const std::exception&) {
        if (socket.mistake.empty()) throw;
        return {false, socket.mistake + '\n'};
    }
}

int Tell(const std::string& command, const ControlArguments& arguments, Terminal& terminal) {
    const ControlSocket socket = FindControlSocket(arguments);
    if (socket.endpoint.empty())
        throw config::ConfigError("the option control_socket is not set in " + arguments.config);
    const ControlReply reply = Reach(socket, command);
    if (reply.done) {
        terminal.out << reply.text;
        return kSuccess;
    }
    terminal.err << "policyctl: " << command << " failed:\n" << reply.text;
    if (reply.is_stopping) return kServerAway;
    return reply.lacks_means ? kTemporaryFailure : kBadConfiguration;
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
