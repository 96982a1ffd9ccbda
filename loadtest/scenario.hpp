#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "common/async/endpoint.hpp"
#include "loadtest/arrivals.hpp"
#include "loadtest/client.hpp"
#include "loadtest/options.hpp"
#include "loadtest/policy_client.hpp"
#include "loadtest/population.hpp"
#include "loadtest/script.hpp"

namespace policyd::loadtest {

/// What a scenario makes its clients of. What it refers to outlives them.
struct Setting {
    uv_loop_t* loop;
    const Options& options;
    Population& population;
    async::Endpoint server;  ///< resolved
};

/// A kind of load: how its clients behave and when they do something.
struct Scenario {
    std::string_view name;
    std::string_view summary;
    /// Null for a closed loop.
    std::unique_ptr<Arrivals> (*arrivals)(const Options& options);
    /// `seed` is another one for each client.
    std::unique_ptr<Client> (*new_client)(const Setting& setting, std::uint64_t seed);
    /// Which option names the server.
    std::string Options::*server = &Options::server;
};

/// A client that asks the policy service what a `PlayedScript` says, which is constructed from the
/// setting and a Random.
template <typename PlayedScript>
std::unique_ptr<Client> NewPolicyClient(const Setting& setting, std::uint64_t seed) {
    const std::chrono::duration<double> limit(setting.options.time_limit_s);
    return std::make_unique<PolicyClient>(
        setting.loop, setting.server,
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(limit),
        std::make_unique<PlayedScript>(setting, Random(seed)));
}

}  // namespace policyd::loadtest
