#include "common/usage/open_usage_store.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "common/config/config_error.hpp"
#include "common/redis/password_file.hpp"
#include "common/usage/redis_usage_store.hpp"
#include "common/usage/sqlite_usage_store.hpp"

namespace policyd::usage {

namespace {

std::unique_ptr<UsageStore> OpenRedis(async::EventLoop& loop, const config::Settings& settings,
                                      const std::string& endpoint,
                                      std::shared_ptr<RecentReservations> recent) {
    RedisUsageStore::Options options;
    options.recent = std::move(recent);
    try {
        options.server.endpoint = async::ParseEndpoint(endpoint);
    } catch (const std::invalid_argument& expected) {
        throw config::ConfigError(
            "usage_store: behind redis: expected " + std::string(expected.what()) +
            ", as in redis:inet:127.0.0.1:6379, found \"" + settings.usage_store + '"');
    }
    options.server.user = settings.redis_user;
    options.server.password_file = settings.redis_password_file;
    options.server.time_limit = settings.redis_time_limit;
    options.reservation_grace = settings.reservation_grace;
    options.notes_changes = !settings.quota_warnings.empty();
    try {
        if (!options.server.password_file.empty())
            redis::ReadPasswordFile(options.server.password_file);
    } catch (const std::runtime_error& error) {
        throw config::ConfigError("redis_password_file: " + std::string(error.what()));
    }
    return std::make_unique<RedisUsageStore>(loop.Raw(), std::move(options));
}

}  // namespace

std::unique_ptr<UsageStore> OpenUsageStore(async::EventLoop& loop, const config::Settings& settings,
                                           std::shared_ptr<RecentReservations> recent) {
    const std::string& name = settings.usage_store;
    constexpr std::string_view kSqlite = "sqlite:";
    if (name.starts_with(kSqlite)) {
        SqliteUsageFile::Options options;
        options.path = name.substr(kSqlite.size());
        options.reservation_grace = settings.reservation_grace;
        options.notes_changes = !settings.quota_warnings.empty();
        return std::make_unique<SqliteUsageStore>(loop.Raw(), std::move(options));
    }
    constexpr std::string_view kRedis = "redis:";
    if (name.starts_with(kRedis))
        return OpenRedis(loop, settings, name.substr(kRedis.size()), std::move(recent));
    throw config::ConfigError(
        "usage_store: expected sqlite:/PATH, redis:unix:/PATH or "
        "redis:inet:HOST:PORT, found \"" +
        name + '"');
}

}  // namespace policyd::usage
