#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace policyd::loadtest {

/// Everything that a run can be told, with the defaults.
struct Options {
    std::string scenario = "steady";

    // Where to and how much
    std::string server = "inet:127.0.0.1:10031";
    std::string smtp;
    std::uint64_t connections = 50;
    double duration_s = 10;
    double warm_up_s = 1;
    std::uint64_t requests = 0;  ///< 0: until the duration is over
    double rate = 0;             ///< requests a second; 0: closed loop
    std::string arrivals = "even";
    std::uint64_t burst_size = 0;  ///< 0: ten for each connection
    double burst_every_s = 1;
    double time_limit_s = 10;
    std::uint64_t seed = 1;

    // Who writes to whom
    std::string recipients = "generated:1000";
    std::string recipients_query = "SELECT email FROM users";
    std::string senders = "generated:10000";
    std::string clients = "generated:10000";
    std::string recipient_choice = "uniform";
    std::string sender_choice = "uniform";
    std::string client_choice = "uniform";
    std::string victim;  ///< empty: the first recipient
    double unknown_percent = 0;
    double recipients_per_message = 2;
    double aborted_percent = 5;
    double retried_percent = 30;
    std::uint64_t smallest_message = 1'000;
    std::uint64_t largest_message = 1'000'000;
    bool print_recipients = false;

    // What is right
    std::string expect;
    std::string expect_unknown;
    std::string expect_end;

    // What is shown
    std::vector<int> server_pids;
    std::string json;
    std::string plot;
    bool progress = false;
    bool quiet = false;
};

/// Declares every option of the command line; parsing fills in `options`, which outlives `app`.
/// Values that make no sense are refused while parsing.
void Declare(CLI::App& app, Options& options);

}  // namespace policyd::loadtest
