#include "common/text/byte_block.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <string>

namespace policyd::text {
namespace {

TEST(ByteBlockTest, FindsAByteWhereverItIs) {
    for (const std::size_t size : {1, 15, 16, 17, 63, 64, 65, 130}) {
        for (std::size_t place = 0; place < size; ++place) {
            std::string text(size, 'x');
            text[place] = '\n';
            std::size_t found = text.npos;
            for (std::size_t from = 0; from < size && found == text.npos;
                 from += ByteBlock::kSize) {
                const std::uint64_t bits = ByteBlock(text, from).Find('\n');
                if (bits != 0) found = from + static_cast<std::size_t>(std::countr_zero(bits));
            }
            EXPECT_EQ(found, place) << "of " << size;
        }
    }
}

TEST(ByteBlockTest, FindsNothingBehindTheEnd) {
    const std::string text = "abc\n";
    const ByteBlock block(text, 0);
    EXPECT_EQ(block.Find('\n'), 8u);
    EXPECT_EQ(block.Find('\0'), 0u);
    EXPECT_EQ(ByteBlock(std::string_view(text).substr(0, 3), 0).Find('\n'), 0u);
}

TEST(ByteBlockTest, FindsAllOfThem) {
    const std::string text(64, '=');
    EXPECT_EQ(ByteBlock(text, 0).Find('='), ~std::uint64_t{0});
    EXPECT_EQ(ByteBlock(text, 60).Find('='), 15u);
}

TEST(ByteBlockTest, TellsBytesWithTheHighestBitApart) {
    const std::string text = "\xff\x7f\x80";
    EXPECT_EQ(ByteBlock(text, 0).Find('\xff'), 1u);
    EXPECT_EQ(ByteBlock(text, 0).Find('\x80'), 4u);
}

}  // namespace
}  // namespace policyd::text
