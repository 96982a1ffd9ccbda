#include "common/text/ascii.hpp"

#include <gtest/gtest.h>

#include <string>

namespace policyd::text {
namespace {

TEST(AsciiTest, KnowsWhatIsFoldedWhereverTheCharacterStands) {
    for (std::size_t size = 1; size < 40; ++size) {
        for (std::size_t place = 0; place < size; ++place) {
            for (int code = 0; code < 256; ++code) {
                std::string text(size, 'z');
                text[place] = static_cast<char>(code);
                const bool is_upper = code >= 'A' && code <= 'Z';
                EXPECT_EQ(IsAscii(text), code < 0x80) << size << ' ' << place << ' ' << code;
                EXPECT_EQ(IsFoldedAscii(text), code < 0x80 && !is_upper)
                    << size << ' ' << place << ' ' << code;
            }
        }
    }
    EXPECT_TRUE(IsAscii(""));
    EXPECT_TRUE(IsFoldedAscii(""));
}

}  // namespace
}  // namespace policyd::text
