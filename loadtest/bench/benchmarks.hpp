#pragma once

#include <functional>
#include <string>

#include "loadtest/bench/site.hpp"

namespace policyd::bench {

/// Makes benchmarks known to Google Benchmark, with a fixed number of iterations where one was
/// asked for: what counts instructions needs the same work every time.
class Registry {
public:
    /// `iterations` of 0: as many as it takes.
    explicit Registry(std::size_t iterations) : iterations_(iterations) {}

    /// `work` is done once in each iteration; what `prepare` returns is `work`, made anew for each
    /// benchmark that runs, before its time begins.
    using Work = std::function<void()>;
    void Add(const std::string& name, std::function<Work()> prepare) const;

private:
    std::size_t iterations_;
};

/// Each subject has its own file. The site outlives the benchmarks.
void AddParserBenchmarks(const Registry& registry);
void AddTableBenchmarks(const Registry& registry, Site& site);
void AddDecisionBenchmarks(const Registry& registry, Site& site);
/// The scripts' round trip; `redis` is an endpoint of a server whose data may be written to.
void AddRedisBenchmarks(const Registry& registry, Site& site, const std::string& redis);

}  // namespace policyd::bench
