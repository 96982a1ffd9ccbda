#include "common/protocol/action_word.hpp"

#include <gtest/gtest.h>

#include <iterator>

namespace policyd::protocol {
namespace {

TEST(ActionWordTest, IsFoundInAnyCaseBeforeABlankOrTheEnd) {
    for (const char* action : {"REDIRECT", "redirect a@b", "Redirect\ta@b"}) {
        const ActionWord* const word = FindActionWord(action);
        ASSERT_NE(word, nullptr) << action;
        EXPECT_EQ(word->name, "REDIRECT");
    }
    for (const char* action : {"", "REDIRECTED a@b", "550 no", "17", "permit", " OK"})
        EXPECT_EQ(FindActionWord(action), nullptr) << action;
}

TEST(ActionWordTest, TakesTheArgumentsThatPostfixDoesSomethingWith) {
    const auto takes = [](const char* word, const char* argument) {
        return FindActionWord(word)->takes(argument);
    };
    EXPECT_TRUE(takes("HOLD", ""));
    EXPECT_TRUE(takes("REDIRECT", "a@b"));
    EXPECT_FALSE(takes("REDIRECT", "a"));
    EXPECT_TRUE(takes("BCC", "a@b"));
    EXPECT_FALSE(takes("BCC", ""));
    EXPECT_TRUE(takes("FILTER", "smtp:"));
    EXPECT_FALSE(takes("FILTER", "smtp"));
    for (const char* header : {"X-A: b", "X-A:b", "X-A \t: b", "x:"})
        EXPECT_TRUE(takes("PREPEND", header)) << header;
    for (const char* none : {"", "x", ":x", " :x", "X A: b", "X-\x7f: b", "X-\xc3\xa9: b"})
        EXPECT_FALSE(takes("PREPEND", none)) << none;
}

TEST(ActionWordTest, OutdoesWhatMattersLess) {
    const char* const weakest_first[] = {"dunno",
                                         "WARN a",
                                         "INFO a",
                                         "PREPEND a: b",
                                         "BCC a@b",
                                         "DEFER_IF_REJECT a",
                                         "FILTER a:b",
                                         "redirect a@b",
                                         "HOLD",
                                         "DEFER_IF_PERMIT",
                                         "reject_unknown_client"};
    for (std::size_t i = 0; i < std::size(weakest_first); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            EXPECT_TRUE(Outdoes(weakest_first[i], weakest_first[j])) << i << " " << j;
            EXPECT_FALSE(Outdoes(weakest_first[j], weakest_first[i])) << i << " " << j;
        }
    }
}

TEST(ActionWordTest, OfTwoWithTheSameWordTheFirstStandsButWherePostfixFollowsTheLast) {
    EXPECT_FALSE(Outdoes("PREPEND a: b", "PREPEND c: d"));
    EXPECT_FALSE(Outdoes("HOLD", "HOLD because"));
    EXPECT_TRUE(Outdoes("FILTER a:b", "FILTER c:d"));
    EXPECT_TRUE(Outdoes("REDIRECT a@b", "redirect c@d"));
    EXPECT_FALSE(Outdoes("550 a", "550 b"));
}

}  // namespace
}  // namespace policyd::protocol
