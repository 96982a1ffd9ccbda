#include "policyd/ctl/commands.hpp"

#include <CLI/CLI.hpp>
#include <exception>
#include <stdexcept>

#include "common/config/config_error.hpp"
#include "common/config/values.hpp"
#include "common/outage/unavailable.hpp"
#include "policyd/ctl/ask_command.hpp"
#include "policyd/ctl/check_config_command.hpp"
#include "policyd/ctl/config_command.hpp"
#include "policyd/ctl/control_commands.hpp"
#include "policyd/ctl/exit_status.hpp"
#include "policyd/ctl/lookup_command.hpp"
#include "policyd/ctl/mailbox_commands.hpp"
#include "policyd/ctl/policy_client.hpp"

namespace policyd::ctl {
namespace {

constexpr Command kCommands[] = {
    {"check-config", "Check policyd.toml, its tables and Postfix's main.cf",
     "Reads the configuration, opens every table that it names and asks each table and the usage "
     "store one question. With --postfix, compares the options that main.cf has too, and warns "
     "about known mistakes. Prints every problem with file and line. Exits with 78 if there is a "
     "mistake, or a server denies a right, with 75 if only a server cannot be reached, and else "
     "with 0, warnings or not.",
     &DefineCheckConfig},
    {"lookup", "Look a key up in a table, as postmap -q does",
     "Prints the value that TABLE (mysql:, sqlite:, hash:, texthash:, cidr:, regexp:, pcre:, "
     "inline:, static:, named as in main.cf, with or without proxy:) has for KEY. A KEY of - reads "
     "keys from standard input, one a line, and prints \"key TAB value\" for each that is found. "
     "Exits with 0 if the key, or any "
     "of them, was found, with 1 if not, with 75 if the table could not answer, and with 78 if its "
     "file has a mistake, or its server refuses the query.",
     &DefineLookup},
    {"ask", "Ask a running policyd for its answer to a request",
     "Sends one request of the SMTPD access policy protocol, as Postfix would at the given state, "
     "and prints the action that comes back. Nothing is changed by asking at RCPT without "
     "--instance. Exits with 0 when there was an answer, whatever it says, and with 69 if there "
     "was none.",
     &DefineAsk},
    {"resolve", "Explain where mail for an address goes, and what room there is",
     "Follows ADDRESS through the tables as Postfix would and prints whether it is known, the "
     "final local "
     "mailboxes, and each one's quota and usage. Exits with 0 if the address exists, with 1 if it "
     "does not or is not of this system, with 75 if a table or the store could not answer, and "
     "with 78 if one refuses what it is asked.",
     &DefineResolve},
    {"usage", "Print the stored usage of mailboxes",
     "Prints bytes, messages, reservations and the time of the last measurement of each MAILBOX, "
     "or of all that were measured. Exits with 1 if nothing is known of one of them.",
     &DefineUsage},
    {"config", "Print the configuration, its reference or a sample",
     "show prints every option with the value that is in force; sample prints the shipped "
     "policyd.toml, reference the documentation as Markdown, man the manual page "
     "policyd.toml(5), metrics the list of metrics.",
     &DefineConfig},
    {"reload", "Have the running policyd read its configuration again",
     "Waits until the new configuration is in force, or was refused as a whole. Prints what only a "
     "restart changes. Exits with 78, and the mistakes, if the old configuration stays, with 75 if "
     "it stays for want of threads, descriptors or memory, and with 69 if the server does not "
     "answer at its control_socket.",
     &DefineReload},
    {"flush", "Have the running policyd forget what it remembers of tables",
     "What changed in a table takes effect at once and not only after recipient_cache_time. Exits "
     "with 69 if the server does not answer at its control_socket.",
     &DefineFlush},
};

int Guarded(const Run& run, Terminal& terminal) {
    const auto fail = [&terminal](const std::exception& error, int status) {
        terminal.err << "policyctl: " << error.what() << '\n';
        return status;
    };
    try {
        return run();
    } catch (const config::ConfigError& error) {
        return fail(error, kBadConfiguration);
    } catch (const outage::Unavailable& error) {
        return fail(error, error.IsMistake() ? kBadConfiguration : kTemporaryFailure);
    } catch (const NoAnswer& error) {
        return fail(error, kServerAway);
    } catch (const std::invalid_argument& error) {
        return fail(error, kUsageError);
    } catch (const std::exception& error) {
        return fail(error, kInternalError);
    }
}

int ReportParseError(const CLI::App& app, const CLI::ParseError& error, Terminal& terminal) {
    const int status = app.exit(error, terminal.out, terminal.err);
    return status == 0 ? kSuccess : kUsageError;
}

}  // namespace

std::span<const Command> Commands() {
    return kCommands;
}

int RunCommandLine(const std::vector<std::string>& arguments, Terminal& terminal) {
    CLI::App app("Look-ups, explanations, usage and configuration checks for policyd(8).",
                 "policyctl");
    app.set_version_flag("--version", "policyctl " POLICYD_VERSION);
    // One is needed, too; but a word that is none is to be named.
    app.require_subcommand(0, 1);
    app.footer(
        "Exit status: 0 success, 1 not found, 64 usage, 69 no answer from the server,\n"
        "75 temporary failure, 78 mistake in the configuration. See policyctl(8).");
    std::map<const CLI::App*, Run> runs;
    for (const Command& command : kCommands) {
        CLI::App* subcommand =
            app.add_subcommand(std::string(command.name), std::string(command.summary));
        runs[subcommand] = command.define(*subcommand, terminal);
        subcommand->footer(config::Wrapped(command.description, ""));
    }
    try {
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
        if (app.get_subcommands().empty()) throw CLI::RequiredError("A command");
    } catch (const CLI::ParseError& error) {
        return ReportParseError(app, error, terminal);
    }
    return Guarded(runs.at(app.get_subcommands().front()), terminal);
}

}  // namespace policyd::ctl
