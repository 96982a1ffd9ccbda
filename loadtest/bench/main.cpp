#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/log/logging.hpp"
#include "loadtest/bench/benchmarks.hpp"
#include "loadtest/bench/site.hpp"

int main(int argc, char** argv) {
    CLI::App app(
        "Times what policyd does apart from waiting: the parser, the tables, the resolver, the "
        "cache, whole decisions. Options that begin with --benchmark_ are Google Benchmark's.",
        "policyd-bench");
    app.allow_extras();
    std::size_t mailboxes = 100'000;
    std::size_t iterations = 0;
    std::string redis;
    app.add_option("--mailboxes", mailboxes, "Mailboxes of the directory")->capture_default_str();
    app.add_option("--iterations", iterations,
                   "Do everything so many times and once more, for counting instructions");
    app.add_option("--redis", redis,
                   "Also time the usage store's scripts on this Redis: unix:PATH or "
                   "inet:HOST:PORT; it is written to");
    CLI11_PARSE(app, argc, argv);

    policyd::log::LogSettings log;
    log.level = "error";
    policyd::log::Configure("policyd-bench", log);
    {
        policyd::bench::Site site(mailboxes);
        const policyd::bench::Registry registry(iterations);
        policyd::bench::AddParserBenchmarks(registry);
        policyd::bench::AddTableBenchmarks(registry, site);
        policyd::bench::AddDecisionBenchmarks(registry, site);
        if (!redis.empty()) policyd::bench::AddRedisBenchmarks(registry, site, redis);

        std::vector<std::string> rest = app.remaining();
        rest.insert(rest.begin(), argv[0]);
        std::vector<char*> arguments;
        for (std::string& argument : rest) arguments.push_back(argument.data());
        int count = static_cast<int>(arguments.size());
        benchmark::Initialize(&count, arguments.data());
        if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 64;
        benchmark::RunSpecifiedBenchmarks();
        benchmark::ClearRegisteredBenchmarks();
    }
    policyd::log::Shutdown();
}
