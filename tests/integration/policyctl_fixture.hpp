#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd {

using testing::HasSubstr;
using testing::Not;

inline test::Finished Ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), test::ProgramPath("policyctl"));
    return test::Run(std::move(arguments));
}

/// A directory in SQLite, tables that read it, and a configuration that uses them.
class PolicyctlTest : public testing::Test {
protected:
    PolicyctlTest() {
        const auto created = test::Run({"sqlite3", Path("directory.sqlite")},
                                       "CREATE TABLE domains (domain TEXT PRIMARY KEY);"
                                       "CREATE TABLE users (email TEXT PRIMARY KEY, quota INTEGER);"
                                       "CREATE TABLE forwardings (source TEXT, destination TEXT);"
                                       "INSERT INTO domains VALUES ('example.com');"
                                       "INSERT INTO users VALUES ('ann@example.com', 1000);"
                                       "INSERT INTO forwardings VALUES"
                                       " ('info@example.com', 'ann@example.com'),"
                                       " ('all@example.com', 'ann@example.com, bob@example.com, "
                                       "ann@elsewhere.example'),"
                                       " ('empty@example.com', ',');");
        EXPECT_EQ(created.status, 0) << created.errors;
        Table("domains", "SELECT domain FROM domains WHERE domain='%s'");
        Table("users", "SELECT email FROM users WHERE email='%s'");
        Table("quotas", "SELECT quota FROM users WHERE email='%s'");
        Table("forwardings", "SELECT destination FROM forwardings WHERE source='%s'");
        scratch_.Write("policyd.toml", Configuration());
    }

    std::string Path(const std::string& name) const { return scratch_ / name; }

    void Table(const std::string& name, const std::string& query) const {
        scratch_.Write(name + ".cf",
                       "dbpath = " + Path("directory.sqlite") + "\nquery = " + query + "\n");
    }

    std::string Sqlite(const std::string& name) const { return "sqlite:" + Path(name + ".cf"); }

    std::string Configuration() const {
        return "listen = [\"unix:" + Path("policy.sock") + "\"]\n" +
               "client_access_maps = \"inline:{192.0.2.1=OK}\"\n"
               "client_access_default = \"554 5.7.1 Not on the list\"\n"
               "virtual_mailbox_domains = \"" +
               Sqlite("domains") + "\"\n" + "virtual_mailbox_maps = \"" + Sqlite("users") + "\"\n" +
               "virtual_mailbox_limit_maps = \"" + Sqlite("quotas") + "\"\n" +
               "virtual_alias_maps = [\"" + Sqlite("forwardings") + "\", \"" + Sqlite("users") +
               "\"]\n" + "usage_store = \"sqlite:" + Path("usage.sqlite") +
               "\"\ndelivery_overhead = 0\n";
    }

    test::Finished WithConfig(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin() + 1, {"--config", Path("policyd.toml")});
        return Ctl(std::move(arguments));
    }

    const test::ScratchDirectory scratch_;
};

}  // namespace policyd
