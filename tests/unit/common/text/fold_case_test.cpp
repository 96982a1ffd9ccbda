#include "common/text/fold_case.hpp"

#include <gtest/gtest.h>

namespace policyd::text {
namespace {

TEST(FoldCaseTest, FoldsAsPostfixFoldsLookUpKeys) {
    EXPECT_EQ(FoldCase("JoE@Example.COM"), "joe@example.com");
    EXPECT_EQ(FoldCase("Straße"), "strasse");
    EXPECT_EQ(FoldCase("JOSÉ"), "josé");
}

TEST(FoldCaseTest, LeavesInvalidUtf8AloneButForItsAsciiLetters) {
    EXPECT_EQ(FoldCase("A\xff\xc3"), "a\xff\xc3");
}

}  // namespace
}  // namespace policyd::text
