#include "common/tables/address_prefix.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace policyd::tables {
namespace {

TEST(ParseAddressTest, TakesWhatInetPtonTakes) {
    EXPECT_EQ(ParseAddress("192.0.2.1")->bits.high, 0xc000'0201'0000'0000);
    EXPECT_EQ(ParseAddress("2001:DB8::1")->bits.low, 1u);
    for (const char* text : {"", "192.0.2", "192.0.2.01", "[192.0.2.1]", "unknown", "fe80::1%eth0"})
        EXPECT_FALSE(ParseAddress(text)) << text;
}

TEST(FirstBitsTest, CutsAtAnyLength) {
    const AddressBits all{~0ULL, ~0ULL};
    EXPECT_EQ(FirstBits(all, 0), (AddressBits{0, 0}));
    EXPECT_EQ(FirstBits(all, 1), (AddressBits{1ULL << 63, 0}));
    EXPECT_EQ(FirstBits(all, 64), (AddressBits{~0ULL, 0}));
    EXPECT_EQ(FirstBits(all, 65), (AddressBits{~0ULL, 1ULL << 63}));
    EXPECT_EQ(FirstBits(all, 128), all);
}

TEST(AddressPrefixTest, ContainsAddressesOfItsOwnFamily) {
    const AddressPrefix all = ParseAddressPrefix("0.0.0.0/0");
    EXPECT_TRUE(all.Contains(*ParseAddress("192.0.2.1")));
    EXPECT_FALSE(all.Contains(*ParseAddress("::1")));
    EXPECT_TRUE(all.Contains(ParseAddressPrefix("10.0.0.0/8")));
    EXPECT_FALSE(ParseAddressPrefix("10.0.0.0/8").Contains(all));
}

TEST(AddressPrefixTest, TakesBracketsAroundTheAddressOrAll) {
    for (const char* text : {"[2001:db8::]/32", "[2001:db8::/32]", "2001:db8::/32"})
        EXPECT_EQ(ParseAddressPrefix(text).length, 32) << text;
}

TEST(AddressPrefixTest, SaysWhatWasMeantWhereBitsFollowThePrefix) {
    try {
        ParseAddressPrefix("192.0.2.5/24");
        FAIL();
    } catch (const std::invalid_argument& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("192.0.2.0/24"));
    }
}

TEST(AddressPrefixTest, RefusesWhatPostfixRefuses) {
    for (const char* text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "[10.0.0.1", "[10.0.0.1]x",
                             "0/0", "::/129", "10.0.0.0/8/8", ""}) {
        EXPECT_THROW(ParseAddressPrefix(text), std::invalid_argument) << text;
    }
}

}  // namespace
}  // namespace policyd::tables
