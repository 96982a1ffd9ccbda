#include "loadtest/options.hpp"

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <stdexcept>

#include "common/async/endpoint.hpp"
#include "loadtest/mailbox_query.hpp"
#include "loadtest/popularity.hpp"
#include "loadtest/population.hpp"
#include "loadtest/scenario_list.hpp"

namespace policyd::loadtest {

namespace {

/// A check of CLI11's kind: the empty text for a value that `parse` takes, its complaint otherwise.
template <typename Parse>
CLI::Validator Accepts(const std::string& what, Parse parse) {
    const auto check = [parse](std::string& value) -> std::string {
        try {
            parse(value);
            return {};
        } catch (const std::invalid_argument& error) {
            return value + ": must be " + error.what();
        }
    };
    return CLI::Validator(check, what, what);
}

CLI::Validator IsEndpoint() {
    return Accepts("ENDPOINT", [](const std::string& text) { async::ParseEndpoint(text); });
}

/// Unlike CLI::Range, it takes "nan" for no number.
CLI::Validator Between(double least, double most) {
    const auto check = [least, most](const std::string& text) {
        double number = 0;
        if (CLI::detail::lexical_cast(text, number) && number >= least && number <= most) return;
        throw std::invalid_argument(fmt::format("a number from {} to {}", least, most));
    };
    return Accepts("NUMBER", check);
}

CLI::Validator IsPopularity() {
    return Accepts("HOW", [](const std::string& text) { ParsePopularity(text); });
}

CLI::Validator IsNameSource() {
    return Accepts("SOURCE", [](const std::string& text) { CheckNameSource(text); });
}

CLI::Validator IsRecipientSource() {
    return Accepts("SOURCE", [](const std::string& text) { CheckRecipientSource(text); });
}

CLI::Validator IsProcess() {
    return Accepts("PID", [](const std::string& text) {
        int pid = 0;
        if (!CLI::detail::lexical_cast(text, pid) || pid < 1)
            throw std::invalid_argument("the number of a process");
    });
}

CLI::Validator IsScenario() {
    return Accepts("SCENARIO", [](const std::string& text) {
        if (FindScenario(text) == nullptr) throw std::invalid_argument("a scenario (see --help)");
    });
}

std::string Footer() {
    std::string text = "Scenarios:\n";
    for (const Scenario* scenario : Scenarios()) {
        text += "  " + std::string(scenario->name);
        text.append(13 - scenario->name.size(), ' ');
        text += std::string(scenario->summary) + '\n';
    }
    text +=
        "\nExamples:\n"
        "  policyd-load --server unix:/var/spool/postfix/policyd/policyd.sock --duration 30\n"
        "  policyd-load sessions --rate 5000 --server-pid $(pidof policyd) --json run.json\n"
        "  policyd-load mailbomb --victim info@example.com --connections 500 --plot bomb\n"
        "\nExit status: 0 all replies were right; 1 a reply was wrong, not as expected or "
        "missing;\n"
        "64 mistake on the command line; 66 a list of names cannot be read, or a run cannot "
        "begin;\n"
        "69 no connection could be opened; 73 a report cannot be written.\n";
    return text;
}

void DeclareLoad(CLI::App& app, Options& o) {
    const char* group = "Where to and how much";
    app.add_option("--server", o.server,
                   "Where the policy service listens: unix:PATH, inet:HOST:PORT, inet:[IPV6]:PORT")
        ->check(IsEndpoint())
        ->capture_default_str()
        ->group(group);
    app.add_option("--smtp", o.smtp, "Scenario smtp: the Postfix, inet:HOST:PORT or unix:PATH")
        ->check(IsEndpoint())
        ->group(group);
    app.add_option("-c,--connections", o.connections,
                   "Connections, each with one request at a time")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str()
        ->group(group);
    app.add_option("-d,--duration", o.duration_s, "Seconds that are measured")
        ->check(Between(0.001, 1e6))
        ->capture_default_str()
        ->group(group);
    app.add_option("--warm-up", o.warm_up_s,
                   "Seconds before them, which are not measured; none with --requests unless given")
        ->check(Between(0.0, 1e6))
        ->capture_default_str()
        ->group(group);
    app.add_option("-n,--requests", o.requests,
                   "Stop after so many requests, warm-up included, instead of after a time; 0: "
                   "after the time")
        ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 40))
        ->group(group);
    app.add_option("-r,--rate", o.rate,
                   "Requests that become due each second, whether or not the server keeps up; "
                   "latency counts from then. Without it every connection sends its next request "
                   "as soon as it has an answer")
        ->check(Between(0.001, 1e7))
        ->group(group);
    app.add_option("--arrivals", o.arrivals,
                   "With --rate, how requests become due: even, or poisson as from independent "
                   "clients")
        ->check(CLI::IsMember({"even", "poisson"}))
        ->capture_default_str()
        ->group(group);
    app.add_option("--burst-size", o.burst_size,
                   "Scenario burst: requests at one moment (default: ten for each connection)")
        ->check(CLI::Range(1, 10'000'000))
        ->group(group);
    app.add_option("--burst-every", o.burst_every_s, "Scenario burst: seconds between bursts")
        ->check(Between(0.001, 1e6))
        ->capture_default_str()
        ->group(group);
    app.add_option("--time-limit", o.time_limit_s,
                   "Seconds after which a connection or an answer is given up")
        ->check(Between(0.1, 1e6))
        ->capture_default_str()
        ->group(group);
    app.add_option("--seed", o.seed, "The same seed makes the same choices")
        ->check(CLI::Range(std::uint64_t{0}, kMostSeed))
        ->capture_default_str()
        ->group(group);
}

void DeclarePopulation(CLI::App& app, Options& o) {
    const char* group = "Who writes to whom";
    app.add_option("--recipients", o.recipients,
                   "generated:N, or file:PATH with one address on each line and, behind a blank, "
                   "what should be answered to it (see --expect), or mysql:PATH or sqlite:PATH, "
                   "a table file of Postfix that says where the data base is")
        ->check(IsRecipientSource())
        ->capture_default_str()
        ->group(group);
    app.add_option("--recipients-query", o.recipients_query,
                   "What selects the addresses of all mailboxes in that data base")
        ->capture_default_str()
        ->group(group);
    app.add_option("--senders", o.senders, "generated:N or file:PATH, one address on each line")
        ->check(IsNameSource())
        ->capture_default_str()
        ->group(group);
    app.add_option("--clients", o.clients,
                   "generated:N or file:PATH, one IP address on each line and, behind a blank, "
                   "its host name")
        ->check(IsNameSource())
        ->capture_default_str()
        ->group(group);
    app.add_option("--recipient-choice", o.recipient_choice,
                   "uniform, or zipf[:EXPONENT], where the first is the most popular")
        ->check(IsPopularity())
        ->capture_default_str()
        ->group(group);
    app.add_option("--sender-choice", o.sender_choice, "The same for senders")
        ->check(IsPopularity())
        ->capture_default_str()
        ->group(group);
    app.add_option("--client-choice", o.client_choice, "The same for clients")
        ->check(IsPopularity())
        ->capture_default_str()
        ->group(group);
    app.add_option("--unknown", o.unknown_percent,
                   "Percent of recipients that do not exist, in domains that do (all but "
                   "mailbomb and newcomers)")
        ->check(Between(0.0, 100.0))
        ->capture_default_str()
        ->group(group);
    app.add_option("--victim", o.victim,
                   "Scenario mailbomb: the mailbox (default: the first recipient)")
        ->group(group);
    app.add_option("--recipients-per-message", o.recipients_per_message,
                   "Scenarios sessions, smtp: recipients of a message on average, 1 to 25; "
                   "none has more than 50")
        ->check(Between(1.0, 25.0))
        ->capture_default_str()
        ->group(group);
    app.add_option("--aborted", o.aborted_percent,
                   "Scenario sessions: percent of transactions that the client breaks off")
        ->check(Between(0.0, 100.0))
        ->capture_default_str()
        ->group(group);
    app.add_option("--retried", o.retried_percent,
                   "Scenario sessions: percent of transactions that try again what was deferred "
                   "or broken off before, while there is such a message")
        ->check(Between(0.0, 100.0))
        ->capture_default_str()
        ->group(group);
    app.add_option("--smallest-message", o.smallest_message, "Bytes of the smallest message")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40))
        ->capture_default_str()
        ->group(group);
    app.add_option("--largest-message", o.largest_message,
                   "Bytes of the largest message; every order of magnitude in between is as "
                   "frequent as any other")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40))
        ->capture_default_str()
        ->group(group);
    app.add_flag("--print-recipients", o.print_recipients,
                 "Print the recipients, one on each line, and do nothing else: for filling a "
                 "data base with them")
        ->group(group);
}

void DeclareJudgement(CLI::App& app, Options& o) {
    const char* group = "What is right";
    app.add_option("--expect", o.expect,
                   "What should be answered at RCPT: dunno, permit, reject, defer or other, or "
                   "one action byte for byte (default: anything well-formed)")
        ->group(group);
    app.add_option("--expect-unknown", o.expect_unknown, "The same for the recipients of --unknown")
        ->group(group);
    app.add_option("--expect-end", o.expect_end, "The same at END-OF-MESSAGE")->group(group);
}

void DeclareReports(CLI::App& app, Options& o) {
    const char* group = "What is shown";
    app.add_option("--server-pid", o.server_pids,
                   "Processes whose CPU time and memory are measured, with all their "
                   "descendants: the server and what it asks")
        ->delimiter(',')
        ->allow_extra_args(false)  // what follows is the scenario
        ->check(IsProcess())
        ->group(group);
    app.add_option("--json", o.json, "Write everything that was measured to this file as JSON")
        ->group(group);
    app.add_option("--plot", o.plot, "Draw PREFIX-latency.svg and PREFIX-rate.svg with gnuplot")
        ->type_name("PREFIX")
        ->group(group);
    app.add_flag("--progress", o.progress, "Show progress although standard error is no terminal")
        ->group(group);
    app.add_flag("-q,--quiet", o.quiet, "Print neither progress nor summary")->group(group);
}

}  // namespace

void Declare(CLI::App& app, Options& options) {
    app.add_option("scenario", options.scenario, "What to do: one of the scenarios below")
        ->check(IsScenario())
        ->capture_default_str();
    DeclareLoad(app, options);
    DeclarePopulation(app, options);
    DeclareJudgement(app, options);
    DeclareReports(app, options);
    app.footer(Footer());
    app.callback([&app, &options] {
        if (options.requests != 0 && app.count("--warm-up") == 0) options.warm_up_s = 0;
        if (options.smallest_message > options.largest_message)
            throw CLI::ValidationError("--smallest-message", "more than --largest-message");
        const Scenario& scenario = *FindScenario(options.scenario);
        if ((options.*scenario.server).empty())
            throw CLI::ValidationError("scenario " + options.scenario, "needs --smtp");
    });
}

}  // namespace policyd::loadtest
