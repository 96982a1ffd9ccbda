#include "common/mysql/server_addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace policyd::mysql {
namespace {

TEST(ServerAddressesTest, TellsANameFromAnAddressAndFromASocket) {
    EXPECT_TRUE(HasName(ParseServer("inet:db.example.com:3307")));
    for (const char* server : {"192.0.2.1", "inet:192.0.2.1:3307", "unix:/s", "localhost"})
        EXPECT_FALSE(HasName(ParseServer(server))) << server;
    EXPECT_FALSE(HasName({{}, "2001:db8::1", 3306}));
}

TEST(ServerAddressesTest, FindsTheSameServerByItsAddresses) {
    EXPECT_THAT(AddressesOf({{}, "localhost", 3307}),
                testing::Contains(Server{{}, "127.0.0.1", 3307}));
    EXPECT_TRUE(AddressesOf({{}, "nobody.invalid", 3307}).empty());
}

}  // namespace
}  // namespace policyd::mysql
