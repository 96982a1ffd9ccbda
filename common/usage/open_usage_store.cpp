#include "common/usage/open_usage_store.hpp"

#include <string_view>

#include "common/config/config_error.hpp"
#include "common/usage/sqlite_usage_store.hpp"

namespace policyd::usage {

std::unique_ptr<UsageStore> OpenUsageStore(async::EventLoop& loop,
                                           const config::Settings& settings) {
    const std::string& name = settings.usage_store;
    constexpr std::string_view kSqlite = "sqlite:";
    if (name.starts_with(kSqlite))
        return std::make_unique<SqliteUsageStore>(loop.Raw(), name.substr(kSqlite.size()));
    throw config::ConfigError("usage_store: expected sqlite:/PATH, found \"" + name + '"');
}

}  // namespace policyd::usage
