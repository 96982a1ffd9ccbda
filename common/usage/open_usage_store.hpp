#pragma once

#include <memory>

#include "common/async/event_loop.hpp"
#include "common/config/settings.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// Opens the store that the option usage_store names: `sqlite:/PATH`, `redis:unix:/PATH` or
/// `redis:inet:HOST:PORT`. A store that is down is opened all the same; throws
/// config::ConfigError for a name that is none. `loop` outlives the store.
std::unique_ptr<UsageStore> OpenUsageStore(async::EventLoop& loop,
                                           const config::Settings& settings);

}  // namespace policyd::usage
