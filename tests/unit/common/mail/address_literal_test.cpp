#include "common/mail/address_literal.hpp"

#include <gtest/gtest.h>

namespace policyd::mail {
namespace {

TEST(AddressInLiteralTest, ReadsBothFamilies) {
    EXPECT_EQ(AddressInLiteral("[192.0.2.1]"), "192.0.2.1");
    EXPECT_EQ(AddressInLiteral("[IPv6:2001:DB8::0:1]"), "2001:db8::1");
    EXPECT_EQ(AddressInLiteral("[ipv6:::1]"), "::1");
}

TEST(AddressInLiteralTest, ReadsGroupsThatBeginWithZerosAsOctal) {
    EXPECT_EQ(AddressInLiteral("[127.000.0.01]"), "127.0.0.1");
    EXPECT_EQ(AddressInLiteral("[0177.0.0.1]"), "127.0.0.1");
    EXPECT_TRUE(IsAddressLiteral("[192.0.2.08]")) << "by its syntax";
    EXPECT_EQ(AddressInLiteral("[192.0.2.08]"), "") << "no octal digit";
    EXPECT_FALSE(IsAddressLiteral("[0.0.2.1]"));
    EXPECT_TRUE(IsAddressLiteral("[0.0.0.0]"));
}

TEST(AddressInLiteralTest, RefusesWhatIsNone) {
    for (const char* literal : {"", "[", "[]", "192.0.2.1", "[192.0.2.1", "[192.0.2]", "[::1]",
                                "[IPv6:192.0.2.1]", "[example.com]", "[192.0.2.256]"})
        EXPECT_EQ(AddressInLiteral(literal), "") << literal;
}

}  // namespace
}  // namespace policyd::mail
