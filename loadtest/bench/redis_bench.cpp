#include <benchmark/benchmark.h>

#include <memory>
#include <utility>
#include <vector>

#include "common/async/when_all.hpp"
#include "common/usage/open_usage_store.hpp"
#include "loadtest/bench/benchmarks.hpp"

namespace policyd::bench {

namespace {

std::shared_ptr<usage::UsageStore> Open(Site& site, const std::string& redis) {
    config::Settings settings;
    settings.usage_store = "redis:" + redis;
    return usage::OpenUsageStore(site.Loop(), settings);
}

usage::Reservation Asking(std::size_t number, const std::string& mailbox) {
    usage::Reservation reservation;
    reservation.id = "bench " + std::to_string(number % 1'000);
    reservation.bytes = 1;
    usage::Limit limit;
    limit.mailbox = mailbox;
    limit.bytes = 1'000'000'000;
    reservation.limits.push_back(limit);
    return reservation;
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
            const usage::Reservation reservation = Asking(number++, Site::Address(4));
            benchmark::DoNotOptimize(site.Loop().RunUntilDone(store->Reserve(reservation)));
        };
    });
    registry.Add("redis/reserve_16_at_once", [&site, redis] {
        return [&site, store = Open(site, redis), number = std::size_t{0}]() mutable {
            std::vector<usage::Reservation> reservations;
            for (std::size_t i = 0; i < 16; ++i)
                reservations.push_back(Asking(number++, Site::Address(4 + i)));
            std::vector<async::Task<usage::Reserved>> reserving;
            for (const usage::Reservation& reservation : reservations)
                reserving.push_back(store->Reserve(reservation));
            benchmark::DoNotOptimize(
                site.Loop().RunUntilDone(async::WhenAll(std::move(reserving))));
        };
    });
}

}  // namespace policyd::bench
