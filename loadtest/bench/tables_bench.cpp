#include <benchmark/benchmark.h>

#include <memory>
#include <stdexcept>

#include "common/tables/cidr_table.hpp"
#include "common/tables/texthash_table.hpp"
#include "loadtest/bench/benchmarks.hpp"

namespace policyd::bench {

namespace {

constexpr std::size_t kSizes[] = {1'000, 1'000'000};

void Ignore(const std::string&) {}

/// Looks keys up that are spread over the whole table, so that the processor's cache helps as
/// little as it does in a real run.
Registry::Work LookUp(Site& site, std::shared_ptr<tables::LookupTable> table,
                      std::function<std::string(std::size_t)> key_at, std::size_t size) {
    return [&site, table, key_at, size, place = std::size_t{0}]() mutable {
        place = (place + 7'919) % size;
        const std::string key = key_at(place);
        const auto found = site.Loop().RunUntilDone(table->Find(key));
        if (!found) throw std::logic_error(table->Name() + ": " + key + " is not found");
        benchmark::DoNotOptimize(found);
    };
}

std::string AddressIn(std::size_t network) {
    char text[64];
    if (network < 65'536) {
        std::snprintf(text, sizeof text, "10.%zu.%zu.25", network >> 8, network & 0xff);
    } else {
        std::snprintf(text, sizeof text, "2001:db8:%zx:%zx::25", network >> 16, network & 0xffff);
    }
    return text;
}

}  // namespace

void AddTableBenchmarks(const Registry& registry, Site& site) {
    for (const std::size_t size : kSizes) {
        const std::string suffix = "/" + std::to_string(size);
        registry.Add("tables/texthash" + suffix, [&site, size] {
            auto rows = tables::ReadTexthash(site.WriteKeys(size), &Ignore);
            auto table = std::make_shared<tables::TexthashTable>(
                "texthash:keys", std::make_shared<const tables::TexthashRows>(std::move(rows)));
            return LookUp(site, table, &Site::Address, size);
        });
        registry.Add("tables/cidr" + suffix, [&site, size] {
            auto table = std::make_shared<tables::CidrTable>(site.WriteNetworks(size), &Ignore);
            return LookUp(site, table, &AddressIn, size);
        });
    }
}

}  // namespace policyd::bench
