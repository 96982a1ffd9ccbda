#include "common/usage/open_usage_store.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "common/config/config_error.hpp"
#include "common/config/option_checks.hpp"
#include "common/redis/password_file.hpp"
#include "common/usage/redis_usage_store.hpp"
#include "common/usage/sqlite_usage_store.hpp"

namespace policyd::usage {

namespace {

constexpr std::string_view kRedis = "redis:";

/// For settings that come from no file.
void CheckName(const std::string& name) {
    try {
        config::CheckUsageStore(name);
    } catch (const std::invalid_argument& expected) {
        throw config::ConfigError("usage_store: expected " + std::string(expected.what()) +
                                  ", found \"" + name + '"');
    }
}

std::unique_ptr<UsageStore> OpenRedis(async::EventLoop& loop, const config::Settings& settings,
                                      std::shared_ptr<RecentReservations> recent) {
    RedisUsageStore::Options options;
    options.recent = std::move(recent);
    options.server = UsageServerFrom(settings);
    options.reservation_grace = settings.reservation_grace;
    options.notes_changes = !settings.quota_warnings.empty();
    return std::make_unique<RedisUsageStore>(loop, std::move(options));
}

}  // namespace

redis::ClientSettings UsageServerFrom(const config::Settings& settings) {
    redis::ClientSettings server;
    server.endpoint = async::ParseEndpoint(settings.usage_store.substr(kRedis.size()));
    server.user = settings.redis_user;
    server.password_file = settings.redis_password_file;
    server.time_limit = settings.redis_time_limit;
    try {
        if (!server.password_file.empty()) redis::ReadPasswordFile(server.password_file);
    } catch (const std::runtime_error& error) {
        throw config::ConfigError("redis_password_file: " + std::string(error.what()));
    }
    return server;
}

std::unique_ptr<UsageStore> OpenUsageStore(async::EventLoop& loop, const config::Settings& settings,
                                           std::shared_ptr<RecentReservations> recent) {
    const std::string& name = settings.usage_store;
    CheckName(name);
    constexpr std::string_view kSqlite = "sqlite:";
    if (name.starts_with(kSqlite)) {
        SqliteUsageFile::Options options;
        options.path = name.substr(kSqlite.size());
        options.reservation_grace = settings.reservation_grace;
        options.notes_changes = !settings.quota_warnings.empty();
        return std::make_unique<SqliteUsageStore>(loop.Raw(), std::move(options));
    }
    return OpenRedis(loop, settings, std::move(recent));
}

}  // namespace policyd::usage
