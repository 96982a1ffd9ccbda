#pragma once

#include <memory>

#include "common/async/event_loop.hpp"
#include "common/usage/redis_usage_store.hpp"
#include "common/usage/sqlite_usage_store.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::usage {

/// All tests of a program share one server, emptied for each.
class InRedis {
public:
    static constexpr const char* kName = "Redis";

    InRedis() { Server().Command({"FLUSHALL"}); }

    std::unique_ptr<UsageStore> Open(async::EventLoop& loop, text::WallClock clock,
                                     std::uint64_t most_single_reservations = 512) const {
        RedisUsageStore::Options options;
        options.server.endpoint = Server().UnixEndpoint();
        options.server.time_limit = std::chrono::seconds(20);
        options.clock = std::move(clock);
        options.most_single_reservations = most_single_reservations;
        options.notes_changes = true;
        return std::make_unique<RedisUsageStore>(loop, std::move(options));
    }

    static test::RedisServer& Server() {
        static test::RedisServer server;
        return server;
    }
};

class InSqlite {
public:
    static constexpr const char* kName = "Sqlite";

    std::unique_ptr<UsageStore> Open(async::EventLoop& loop, text::WallClock clock) const {
        SqliteUsageFile::Options options;
        options.path = directory_ / "usage.sqlite";
        options.clock = std::move(clock);
        options.notes_changes = true;
        return std::make_unique<SqliteUsageStore>(loop.Raw(), std::move(options));
    }

private:
    test::ScratchDirectory directory_;
};

}  // namespace policyd::usage
