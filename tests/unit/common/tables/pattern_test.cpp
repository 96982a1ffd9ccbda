#include "common/tables/pattern.hpp"

#include <gmock/gmock.h>
#include <malloc.h>

#include <stdexcept>

// Where the tests run with a sanitizer, whose allocator mallinfo(3) knows nothing of.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace policyd::tables {
namespace {

std::size_t BytesInUse() {
    if (&__sanitizer_get_current_allocated_bytes != nullptr)
        return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks;
}

class PatternTest : public testing::TestWithParam<PatternSyntax> {
protected:
    static bool Matches(const std::string& expression, const std::string& key,
                        const std::string& flags = "") {
        return CompilePattern(GetParam(), {expression, flags}, false)->Matches(key);
    }
    static std::string MistakeIn(const std::string& expression, const std::string& flags = "") {
        try {
            CompilePattern(GetParam(), {expression, flags}, true);
        } catch (const std::invalid_argument& mistake) {
            return mistake.what();
        }
        return "";
    }
};

TEST_P(PatternTest, MatchesAPartOfAKeyInAnyCase) {
    EXPECT_TRUE(Matches("b.d", "ABCDE"));
    EXPECT_TRUE(Matches("^abc$", "abc"));
    EXPECT_FALSE(Matches("^bcd", "ABCDE"));
    EXPECT_TRUE(Matches("", ""));
}

TEST_P(PatternTest, LooksAtCaseWithTheFlagI) {
    EXPECT_FALSE(Matches("abc", "ABC", "i"));
    EXPECT_TRUE(Matches("abc", "ABC", "ii"));
}

TEST_P(PatternTest, TakesLinesApartWithTheFlagM) {
    EXPECT_FALSE(Matches("^b$", "a\nb\nc"));
    EXPECT_TRUE(Matches("^b$", "a\nb\nc", "m"));
}

TEST_P(PatternTest, TakesKeysForBytes) {
    EXPECT_TRUE(Matches("^..$", "\xc3\xa9"));
    EXPECT_FALSE(Matches("^.$", "\xc3\xa9"));
}

TEST_P(PatternTest, TellsWhatItsGroupsMatched) {
    const auto pattern = CompilePattern(GetParam(), {"^(.*)@((a)|b)$", ""}, true);
    EXPECT_EQ(pattern->Groups(), 3u);
    const std::string key = "joe@b";
    ASSERT_TRUE(pattern->Matches(key));
    EXPECT_EQ(pattern->Group(1, key), "joe");
    EXPECT_EQ(pattern->Group(2, key), "b");
    EXPECT_EQ(pattern->Group(3, key), "");
}

TEST_P(PatternTest, TellsTheSameAfterThousandsOfKeys) {
    const auto pattern = CompilePattern(GetParam(), {"^(x*)(.{3})y", ""}, true);
    for (std::size_t i = 0; i < 3000; ++i) {
        const std::string key = std::string(i % 200, 'x') + "abcy";
        ASSERT_TRUE(pattern->Matches(key)) << key;
        ASSERT_EQ(pattern->Group(1, key).size(), i % 200);
        ASSERT_EQ(pattern->Group(2, key), "abc");
    }
}

TEST_P(PatternTest, RefusesWhatIsNoExpressionAndFlagsThatAreNone) {
    EXPECT_NE(MistakeIn("a(b"), "");
    EXPECT_NE(MistakeIn("a[b"), "");
    EXPECT_THAT(MistakeIn("a", "q"), testing::StartsWith("there is no flag 'q'"));
    EXPECT_EQ(MistakeIn("a(b)"), "");
}

INSTANTIATE_TEST_SUITE_P(Syntaxes, PatternTest,
                         testing::Values(PatternSyntax::kPosix, PatternSyntax::kPerl),
                         [](const auto& syntax) {
                             return syntax.param == PatternSyntax::kPerl ? "Perl" : "Posix";
                         });

TEST(PosixPatternTest, KnowsBasicExpressionsWithTheFlagX) {
    const auto basic = CompilePattern(PatternSyntax::kPosix, {"^a+$", "x"}, false);
    EXPECT_TRUE(basic->Matches("a+"));
    EXPECT_FALSE(basic->Matches("aa"));
}

TEST(PosixPatternTest, DoesNotFillTheMemoryWithWhatKeysLeadItTo) {
    // One state for each of what the last twenty characters may have been.
    const auto pattern = CompilePattern(PatternSyntax::kPosix, {"^(x|z)*x(x|z){20}y", ""}, false);
    std::uint32_t random = 1;
    const auto match_some = [&] {
        for (int i = 0; i < 50; ++i) {
            std::string key;
            for (int k = 0; k < 200; ++k) {
                random = random * 1664525 + 1013904223;
                key += random >> 31 == 0 ? 'x' : 'z';
            }
            pattern->Matches(key);
        }
        return BytesInUse();
    };
    const std::size_t before = match_some();
    for (int i = 0; i < 10; ++i) EXPECT_LT(match_some(), before + (32 << 20));
}

TEST(PerlPatternTest, HasTheFlagsOfPcreTables) {
    const auto matches = [](const char* expression, const char* key, const char* flags) {
        return CompilePattern(PatternSyntax::kPerl, {expression, flags}, false)->Matches(key);
    };
    EXPECT_TRUE(matches("a.b", "a\nb", ""));
    EXPECT_FALSE(matches("a.b", "a\nb", "s"));
    EXPECT_TRUE(matches("a b", "ab", "x"));
    EXPECT_FALSE(matches("b", "ab", "A"));
    EXPECT_TRUE(matches("a$", "a\n", ""));
    EXPECT_FALSE(matches("a$", "a\n", "E"));
    EXPECT_TRUE(matches("a", "a", "X"));
    const auto shortest = CompilePattern(PatternSyntax::kPerl, {"(a+)", "U"}, true);
    ASSERT_TRUE(shortest->Matches("aaa"));
    EXPECT_EQ(shortest->Group(1, "aaa"), "a");
}

TEST(PerlPatternTest, GivesUpWhatTakesTooLongAndDoesNotCallItAnAnswer) {
    const auto pattern = CompilePattern(PatternSyntax::kPerl, {"^(a+)+$", ""}, false);
    EXPECT_TRUE(pattern->Matches("aaaa"));
    // Some millions of steps, which Postfix would take.
    EXPECT_THROW(pattern->Matches(std::string(20, 'a') + "!"), MatchFailure);
    EXPECT_TRUE(pattern->Matches("aaaa"));
}

}  // namespace
}  // namespace policyd::tables
