#include <benchmark/benchmark.h>

#include <memory>

#include "common/usage/open_usage_store.hpp"
#include "loadtest/bench/benchmarks.hpp"

namespace policyd::bench {

namespace {

std::shared_ptr<usage::UsageStore> Open(Site& site, const std::string& redis) {
    config::Settings settings;
    settings.usage_store = "redis:" + redis;
    return usage::OpenUsageStore(site.Loop(), settings);
}

}  // namespace

void AddRedisBenchmarks(const Registry& registry, Site& site, const std::string& redis) {
    registry.Add("redis/find", [&site, redis] {
        return [&site, store = Open(site, redis), address = Site::Address(3)] {
            benchmark::DoNotOptimize(site.Loop().RunUntilDone(store->Find(address)));
        };
    });
    registry.Add("redis/reserve", [&site, redis] {
        return [&site, store = Open(site, redis), number = std::size_t{0}]() mutable {
            usage::Reservation reservation;
            reservation.id = "bench " + std::to_string(number++ % 1'000);
            reservation.bytes = 1;
            usage::Limit limit;
            limit.mailbox = Site::Address(4);
            limit.bytes = 1'000'000'000;
            reservation.limits.push_back(limit);
            benchmark::DoNotOptimize(site.Loop().RunUntilDone(store->Reserve(reservation)));
        };
    });
}

}  // namespace policyd::bench
