#include "common/text/utf8.hpp"

#include <gtest/gtest.h>

namespace policyd::text {
namespace {

TEST(IsValidUtf8Test, RefusesOverlongFormsSurrogatesAndCutSequences) {
    EXPECT_TRUE(IsValidUtf8("aé€😀"));
    EXPECT_FALSE(IsValidUtf8("\xc0\xaf"));
    EXPECT_FALSE(IsValidUtf8("\xed\xa0\x80"));
    EXPECT_FALSE(IsValidUtf8("\xf4\x90\x80\x80"));
    EXPECT_FALSE(IsValidUtf8("\xe2\x82"));
}

TEST(EscapedForLogTest, EscapesWhatCouldForgeALine) {
    EXPECT_EQ(EscapedForLog("a\nb\\\x7f\xff\xc2\x85é"), "a\\x0ab\\\\\\x7f\\xff\\xc2\\x85é");
}

TEST(EscapedForLogTest, EscapesWhatTurnsTheOrderOfLettersOrEndsALineForAViewer) {
    for (const char* control :
         {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069"})
        EXPECT_EQ(EscapedForLog(control).find(control), std::string::npos) << control;
    EXPECT_EQ(EscapedForLog("a\u202eb"), "a\\xe2\\x80\\xaeb");
    EXPECT_EQ(EscapedForLog("\u061b\u200d\u2027\u202f\u2065\u206a"),
              "\u061b\u200d\u2027\u202f\u2065\u206a");
}

TEST(EscapedForLogTest, ShowsBlanksThatAreNoneAndWhatNobodySees) {
    EXPECT_EQ(EscapedForLog("\ufeffa\u00a0b\u200bc\u2060"),
              "\\xef\\xbb\\xbfa\\xc2\\xa0b\\xe2\\x80\\x8bc\\xe2\\x81\\xa0");
    EXPECT_TRUE(IsPrintable("\ufeffa\u00a0b")) << "it forges nothing";
}

TEST(EscapedForLogTest, CutsLongText) {
    EXPECT_EQ(EscapedForLog("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace policyd::text
