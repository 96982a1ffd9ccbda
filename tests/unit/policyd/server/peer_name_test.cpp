#include "policyd/server/peer_name.hpp"

#include <gtest/gtest.h>

#include "common/async/endpoint.hpp"

namespace policyd::server {
namespace {

std::string NameOf(const std::string& endpoint) {
    sockaddr_storage address{};
    EXPECT_NE(async::NumericAddress(async::ParseEndpoint(endpoint), address), 0u);
    return PeerName(address, "our-name");
}

TEST(PeerNameTest, AHostIsNamedByItsAddressAndThisOneByItsName) {
    EXPECT_EQ(NameOf("inet:192.0.2.7:1"), "192.0.2.7");
    EXPECT_EQ(NameOf("inet:[2001:db8::7]:1"), "2001:db8::7");
    EXPECT_EQ(NameOf("inet:127.0.0.9:1"), "our-name");
    EXPECT_EQ(NameOf("inet:[::1]:1"), "our-name");
}

TEST(PeerNameTest, AHostHasTheSameNameAtASocketForBothFamilies) {
    EXPECT_EQ(NameOf("inet:[::ffff:192.0.2.7]:1"), "192.0.2.7");
    EXPECT_EQ(NameOf("inet:[::ffff:127.0.0.1]:1"), "our-name");
}

}  // namespace
}  // namespace policyd::server
