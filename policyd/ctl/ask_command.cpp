#include "policyd/ctl/ask_command.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "common/async/endpoint.hpp"
#include "common/config/config_file.hpp"
#include "common/config/values.hpp"
#include "common/mail/address_literal.hpp"
#include "common/protocol/policy_request.hpp"
#include "common/text/ascii.hpp"
#include "policyd/ctl/exit_status.hpp"
#include "policyd/ctl/policy_client.hpp"

namespace policyd::ctl {
namespace {

/// An attribute of a request, in the order in which Postfix sends them.
struct Attribute {
    const char* name;
    const char* option;  ///< null: always the default
    const char* initial;
    const char* help;
    enum class Kind { kText, kNumber, kAddress, kState } kind = Kind::kText;
};

using Kind = Attribute::Kind;

constexpr Attribute kAttributes[] = {
    {"request", nullptr, "smtpd_access_policy", ""},
    {"protocol_state", "--state", "RCPT", "Postfix's state when it asks", Kind::kState},
    {"protocol_name", nullptr, "ESMTP", ""},
    {"client_address", "--client-address", "127.0.0.1", "The client's IP address", Kind::kAddress},
    {"client_name", "--client-name", "unknown", "Its verified host name"},
    {"client_port", nullptr, "", ""},
    {"reverse_client_name", "--reverse-client-name", "unknown", "Its unverified host name"},
    {"server_address", nullptr, "", ""},
    {"server_port", nullptr, "", ""},
    {"helo_name", "--helo-name", "", "What it said with HELO"},
    {"sender", "--sender", "", "The envelope sender"},
    {"recipient", "--recipient", "", "The envelope recipient"},
    {"recipient_count", "--recipient-count", "0", "Accepted recipients, at the end of data",
     Kind::kNumber},
    {"queue_id", "--queue-id", "", "The message's queue ID"},
    {"instance", "--instance", "",
     "Names one message across requests; with it, room is reserved as for real mail"},
    {"size", "--size", "0", "The message size in bytes, as declared or as received", Kind::kNumber},
    {"etrn_domain", nullptr, "", ""},
    {"stress", nullptr, "", ""},
    {"sasl_method", nullptr, "", ""},
    {"sasl_username", "--sasl-username", "", "The authenticated user"},
    {"sasl_sender", nullptr, "", ""},
    {"ccert_subject", nullptr, "", ""},
    {"ccert_issuer", nullptr, "", ""},
    {"ccert_fingerprint", nullptr, "", ""},
    {"ccert_pubkey_fingerprint", nullptr, "", ""},
    {"encryption_protocol", nullptr, "", ""},
    {"encryption_cipher", nullptr, "", ""},
    {"encryption_keysize", nullptr, "0", ""},
    {"policy_context", "--policy-context", "", "The context that main.cf gives the service"},
};

struct AskArguments {
    std::vector<std::string> values;  ///< of kAttributes
    std::string server;
    std::string config = config::kDefaultPath;
    std::string time_limit = "10s";
    bool show_request = false;
};

std::vector<std::string> States() {
    std::vector<std::string> names;
    for (int stage = 0; stage < static_cast<int>(protocol::Stage::kOther); ++stage)
        names.emplace_back(protocol::StageName(static_cast<protocol::Stage>(stage)));
    return names;
}

/// Throws std::invalid_argument for what Postfix would not send.
void Check(const Attribute& attribute, const std::string& value) {
    if (value.find_first_of(std::string_view("\n\0", 2)) != std::string::npos)
        throw std::invalid_argument(std::string(attribute.name) +
                                    ": a value cannot hold a line end or NUL");
    const auto fail = [&attribute](const char* expected) {
        throw std::invalid_argument(std::string(attribute.option) + ": expected " + expected);
    };
    if (attribute.kind == Kind::kNumber && !text::ParseUnsigned(value)) fail("a number");
    if (attribute.kind == Kind::kAddress && value != "unknown" &&
        mail::NormalizedIpAddress(value).empty())
        fail("an IP address or unknown");
}

std::string RequestText(const AskArguments& arguments) {
    std::string request;
    for (std::size_t i = 0; i < std::size(kAttributes); ++i) {
        const std::string& value = arguments.values[i];
        Check(kAttributes[i], value);
        request += std::string(kAttributes[i].name) + '=' + value + '\n';
    }
    return request + '\n';
}

/// What `parse` makes of an option's value; what it says instead names the option.
template <typename Parse>
auto ValueOf(const char* option, Parse parse) {
    try {
        return parse();
    } catch (const std::invalid_argument& expected) {
        throw std::invalid_argument(std::string(option) + ": expected " + expected.what());
    }
}

/// The server that was named, else the first listener of the configuration; where nobody has made
/// one and none is named, the default.
async::Endpoint ServerToAsk(const AskArguments& arguments) {
    if (!arguments.server.empty())
        return ValueOf("--server", [&] { return async::ParseEndpoint(arguments.server); });
    config::Settings settings;
    if (arguments.config != config::kDefaultPath || std::filesystem::exists(arguments.config))
        settings = config::LoadConfigFile(arguments.config);
    if (settings.listen.empty()) throw std::invalid_argument("--server: which one?");
    return async::ParseEndpoint(settings.listen.front());
}

/// The attributes that have a value, as they go over the line.
void ShowRequest(const std::string& request, std::ostream& out) {
    std::istringstream lines(request);
    for (std::string line; std::getline(lines, line);)
        if (!line.empty() && !line.ends_with('=')) out << line << '\n';
    out << '\n';
}

std::chrono::milliseconds TimeLimit(const AskArguments& arguments) {
    return ValueOf("--time-limit", [&] {
        const auto limit = config::ParseDuration(arguments.time_limit);
        if (limit <= std::chrono::milliseconds(0)) throw std::invalid_argument("more than 0");
        return limit;
    });
}

int RunAsk(const AskArguments& arguments, Terminal& terminal) {
    const auto limit = TimeLimit(arguments);
    const std::string request = RequestText(arguments);
    const std::string action = AskServer(ServerToAsk(arguments), request, limit);
    if (arguments.show_request) {
        ShowRequest(request, terminal.out);
        terminal.out << "action=";
    }
    terminal.out << action << '\n';
    return kSuccess;
}

}  // namespace

Run DefineAsk(CLI::App& command, Terminal& terminal) {
    auto arguments = std::make_shared<AskArguments>();
    arguments->values.resize(std::size(kAttributes));
    for (std::size_t i = 0; i < std::size(kAttributes); ++i) {
        const Attribute& attribute = kAttributes[i];
        arguments->values[i] = attribute.initial;
        if (attribute.option == nullptr) continue;
        auto* option = command.add_option(attribute.option, arguments->values[i], attribute.help);
        if (*attribute.initial != '\0') option->capture_default_str();
        if (attribute.kind == Kind::kState)
            option->transform(CLI::IsMember(States(), CLI::ignore_case));
    }
    command
        .add_option("--server", arguments->server,
                    "unix:PATH or inet:HOST:PORT; else the first listener of the configuration")
        ->type_name("ENDPOINT");
    command.add_option("--config", arguments->config, "The configuration")
        ->capture_default_str()
        ->type_name("FILE");
    command.add_option("--time-limit", arguments->time_limit, "How long to wait")
        ->capture_default_str()
        ->type_name("TIME");
    command.add_flag("--show-request", arguments->show_request,
                     "Print the request too, and the answer as it came");
    return [arguments, &terminal] { return RunAsk(*arguments, terminal); };
}

}  // namespace policyd::ctl
