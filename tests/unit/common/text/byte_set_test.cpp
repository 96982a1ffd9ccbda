#include "common/text/byte_set.hpp"

#include <gtest/gtest.h>

#include <string>

namespace policyd::text {
namespace {

std::string AllBytes() {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    return all;
}

TEST(ByteSetTest, HasTheBytesItWasMadeOfAndNoOthers) {
    constexpr ByteSet set(std::string_view("a\0\xff", 3));
    for (const char byte : AllBytes())
        EXPECT_EQ(set.Has(byte), byte == 'a' || byte == '\0' || byte == '\xff') << int{byte};
}

TEST(ByteSetTest, TakesARangeWithBothItsEnds) {
    constexpr auto set = ByteSet("").With('b', 'd').With(0xfe, 0xff);
    for (const char byte : AllBytes())
        EXPECT_EQ(set.Has(byte), (byte >= 'b' && byte <= 'd') || byte == '\xfe' || byte == '\xff')
            << int{byte};
}

TEST(ByteSetTest, TellsWhetherATextHasAllOrAny) {
    constexpr ByteSet set("ab");
    EXPECT_TRUE(set.HasAllOf("abba"));
    EXPECT_FALSE(set.HasAllOf("abc"));
    EXPECT_TRUE(set.HasAnyOf("xyb"));
    EXPECT_FALSE(set.HasAnyOf("xyz"));
    EXPECT_TRUE(set.HasAllOf(""));
    EXPECT_FALSE(set.HasAnyOf(""));
}

}  // namespace
}  // namespace policyd::text
