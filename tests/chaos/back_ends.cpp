#include "tests/chaos/back_ends.hpp"

#include <signal.h>

#include <stdexcept>

namespace policyd::test {

BackEnds::BackEnds() {
    database_.Execute("CREATE DATABASE mail");
    std::string statements =
        "CREATE TABLE users (email VARCHAR(200) PRIMARY KEY, quota BIGINT);"
        "CREATE USER postfix@localhost IDENTIFIED BY 'toto';"
        "GRANT SELECT ON mail.* TO postfix@localhost;";
    for (int i = 0; i < kUsers; ++i)
        statements += "INSERT INTO users VALUES ('" + User(i) + "@example.com', " +
                      std::to_string(LimitOf(i)) + ");";
    database_.Execute(statements, "mail");
    WriteTable("domains", "SELECT 'x' FROM DUAL WHERE '%s' = 'example.com'");
    WriteTable("maps", "SELECT '%d/%u/' FROM users WHERE email='%s'");
    WriteTable("limit_maps", "SELECT quota FROM users WHERE email='%s'");
}

std::uint64_t BackEnds::LimitOf(int number) {
    constexpr std::uint64_t kSmallest = 30'000;
    constexpr std::uint64_t kAmple = 1'000'000'000;
    return number % 2 == 0 ? kAmple : kSmallest << (number / 2);
}

void BackEnds::WriteTable(const std::string& name, const std::string& query) const {
    scratch_.Write(name + ".cf",
                   "hosts = " + database_.Hosts() +
                       "\nuser = postfix\npassword = toto\ndbname = mail\nquery = " + query + "\n");
}

std::string BackEnds::Options() const {
    std::string options = "usage_store = \"redis:" + redis_.UnixEndpoint().ToText() + "\"\n";
    for (const char* name : {"domains", "maps", "limit_maps"})
        options += "virtual_mailbox_" + std::string(name) +
                   " = \"mysql:" + (scratch_ / (name + std::string(".cf"))).string() + "\"\n";
    return options + "mysql_time_limit = \"1s\"\nstale_time = \"0s\"\n";
}

std::vector<Fault> BackEnds::Faults() {
    const auto sql = [this](const std::string& statement) {
        return [this, statement] { database_.Execute(statement, "mail"); };
    };
    const auto redis = [this](const std::vector<std::string>& words) {
        return [this, words] { redis_.Command(words); };
    };
    // On a machine that is busy with all this an orderly end may take for ever.
    const auto stop_database = [this] {
        try {
            database_.Stop();
        } catch (const std::runtime_error&) {
            database_.Stop(SIGKILL);
        }
    };
    const auto start_database = [this] { database_.Start(); };
    const auto start_redis = [this] { redis_.Start(); };
    return {
        {"MariaDB hangs", "mariadb", [this] { database_.Pause(); }, [this] { database_.Resume(); }},
        {"MariaDB stops", "mariadb", stop_database, start_database},
        {"MariaDB crashes", "mariadb", [this] { database_.Stop(SIGKILL); }, start_database},
        {"MariaDB closes every connection", "mariadb", sql("KILL USER postfix"), [] {}},
        {"a table is gone", "mariadb", sql("RENAME TABLE users TO elsewhere"),
         sql("RENAME TABLE elsewhere TO users")},
        {"another password", "mariadb", sql("ALTER USER postfix@localhost IDENTIFIED BY 'another'"),
         sql("ALTER USER postfix@localhost IDENTIFIED BY 'toto'")},
        {"Redis hangs", "redis", [this] { redis_.Pause(); }, [this] { redis_.Resume(); }},
        {"Redis stops", "redis", [this] { redis_.Stop(SIGTERM); }, start_redis},
        {"Redis crashes", "redis", [this] { redis_.Stop(SIGKILL); }, start_redis},
        {"Redis is out of memory", "redis", redis({"CONFIG", "SET", "maxmemory", "1"}),
         redis({"CONFIG", "SET", "maxmemory", "0"})},
        {"Redis lacks a replica", "redis", redis({"CONFIG", "SET", "min-replicas-to-write", "1"}),
         redis({"CONFIG", "SET", "min-replicas-to-write", "0"})},
        {"Redis is a replica", "redis", redis({"REPLICAOF", "127.0.0.1", "1"}),
         redis({"REPLICAOF", "NO", "ONE"})},
        {"Redis closes every connection", "redis",
         redis({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}), [] {}},
    };
}

}  // namespace policyd::test
