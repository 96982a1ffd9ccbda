#pragma once

#include <memory>

#include "common/async/event_loop.hpp"
#include "common/config/settings.hpp"
#include "common/redis/client.hpp"
#include "common/usage/recent_reservations.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// The Redis that the option usage_store names, `redis:…`. Throws config::ConfigError.
redis::ClientSettings UsageServerFrom(const config::Settings& settings);

/// Opens the store that the option usage_store names: `sqlite:/PATH`, `redis:unix:/PATH` or
/// `redis:inet:HOST:PORT`. A store that is down is opened all the same; throws
/// config::ConfigError for a name that is none. `loop` outlives the store. `recent` is shared by
/// those that a process opens; without it the store has one of its own.
std::unique_ptr<UsageStore> OpenUsageStore(async::EventLoop& loop, const config::Settings& settings,
                                           std::shared_ptr<RecentReservations> recent = nullptr);

}  // namespace policyd::usage
