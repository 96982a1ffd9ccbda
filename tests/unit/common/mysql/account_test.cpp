#include "common/mysql/account.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace policyd::mysql {
namespace {

TEST(ParseServerTest, TakesTheFormsOfHosts) {
    EXPECT_EQ(ParseServer("unix:/run/mysqld/s").socket, "/run/mysqld/s");
    EXPECT_EQ(ParseServer("db.example.com").host, "db.example.com");
    EXPECT_EQ(ParseServer("inet:192.0.2.1:3307").port, 3307);
    EXPECT_EQ(ParseServer("db:3307").ToText(), "inet:db:3307");
    EXPECT_EQ(ParseServer("inet:::1:3306").host, "::1");
}

TEST(ParseServerTest, LocalhostIsTheLibrarysOwnSocketHoweverItIsWritten) {
    for (const char* text : {"localhost", "inet:LocalHost", "localhost:3307"}) {
        EXPECT_TRUE(ParseServer(text).IsLocal()) << text;
        EXPECT_EQ(ParseServer(text).ToText(), "localhost") << text;
    }
}

TEST(ParseServerTest, RefusesWhatNamesNoServer) {
    for (const char* text :
         {"", "unix:", "inet:", "db:x", "db:0", "db:70000", ":3306", "inet:[::1]:3306", "[::1]"})
        EXPECT_THROW(ParseServer(text), std::invalid_argument) << text;
}

}  // namespace
}  // namespace policyd::mysql
