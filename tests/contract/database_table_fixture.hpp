#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/async/event_loop.hpp"
#include "common/outage/unavailable.hpp"
#include "common/tables/table_registry.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {

/// One server for all tests of this program.
inline test::MariaDbServer& MariaDb() {
    static test::MariaDbServer server;
    return server;
}

/// A table whose rows a data base has.
class DatabaseTableTest : public testing::Test {
protected:
    LookupTable& Open(const std::string& type, const std::string& content) {
        TableSettings settings;
        settings.mysql_time_limit = time_limit;
        settings.mysql_connections = 2;
        registry = std::make_unique<TableRegistry>(loop, settings);
        return registry->Open(type + ":" + scratch.Write("table.cf", content).string());
    }
    LookupTable& OpenMysql(const std::string& hosts, const std::string& more = "user = root\n") {
        MariaDb().Execute(
            "CREATE DATABASE IF NOT EXISTS outage; CREATE OR REPLACE TABLE outage.t (k TEXT, v "
            "TEXT); INSERT INTO outage.t VALUES ('a', '1')");
        return Open("mysql", "hosts = " + hosts + "\ndbname = outage\n" + more +
                                 "query = SELECT v FROM t WHERE k = '%s'\n");
    }
    std::optional<std::string> Find(LookupTable& table, std::string_view key = "a") {
        return loop.RunUntilDone(table.Find(key));
    }
    std::string Failure(LookupTable& table, std::string_view key = "a") {
        // The time of a loop that does not turn stands still.
        uv_update_time(loop.Raw());
        try {
            const auto value = Find(table, key);
            return "no failure, but " + value.value_or("nothing");
        } catch (const outage::TableUnavailable& failure) {
            return failure.what();
        }
    }

    std::chrono::milliseconds time_limit{10'000};
    async::EventLoop loop;
    test::ScratchDirectory scratch;
    std::unique_ptr<TableRegistry> registry;
};

}  // namespace policyd::tables
