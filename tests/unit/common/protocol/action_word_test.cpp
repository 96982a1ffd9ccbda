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
        EXPECT_EQ(word->needed, '@');
    }
    for (const char* action : {"", "REDIRECTED a@b", "550 no", "17", "permit", " OK"})
        EXPECT_EQ(FindActionWord(action), nullptr) << action;
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
