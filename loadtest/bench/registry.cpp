#include <benchmark/benchmark.h>

#include "loadtest/bench/benchmarks.hpp"

namespace policyd::bench {

void Registry::Add(const std::string& name, std::function<Work()> prepare) const {
    auto* registered = benchmark::RegisterBenchmark(
        name.c_str(), [prepare = std::move(prepare)](benchmark::State& state) {
            const Work work = prepare();
            work();  // what is only done the first time is not what is measured
            for (auto _ : state) work();
            state.SetItemsProcessed(state.iterations());
        });
    registered->UseRealTime();
    if (iterations_ != 0)
        registered->Iterations(static_cast<benchmark::IterationCount>(iterations_));
}

}  // namespace policyd::bench
