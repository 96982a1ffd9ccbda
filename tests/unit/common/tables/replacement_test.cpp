#include "common/tables/replacement.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace policyd::tables {
namespace {

std::string Result(std::string_view text) {
    return Replacement(text).With([](std::size_t n) { return "<" + std::to_string(n) + ">"; });
}

std::string MistakeIn(std::string_view text) {
    try {
        Replacement replacement(text);
    } catch (const std::invalid_argument& mistake) {
        return mistake.what();
    }
    return "";
}

TEST(ReplacementTest, StandsForItselfWithoutADollarSign) {
    EXPECT_EQ(Result("REJECT go away"), "REJECT go away");
    EXPECT_EQ(Replacement("REJECT").HighestGroup(), 0u);
    EXPECT_EQ(Result(""), "");
}

TEST(ReplacementTest, HasGroupsWhereTheirNumbersStand) {
    EXPECT_EQ(Result("$2@$1"), "<2>@<1>");
    EXPECT_EQ(Result("a${1}b$(12)c"), "a<1>b<12>c");
    EXPECT_EQ(Replacement("$2@$12 $1").HighestGroup(), 12u);
}

TEST(ReplacementTest, HasADollarSignForTwo) {
    EXPECT_EQ(Result("$$1 costs $$$1"), "$1 costs $<1>");
    EXPECT_EQ(Replacement("$$1").HighestGroup(), 0u);
}

TEST(ReplacementTest, RefusesWhatIsNoNumber) {
    for (const char* text : {"$", "$ 1", "$x", "$1x", "$0", "${}", "${1?x}", "$(a)", "$1_"})
        EXPECT_THAT(MistakeIn(text), testing::HasSubstr("is no number of a group")) << text;
}

TEST(ReplacementTest, RefusesBracesThatNothingEnds) {
    for (const char* text : {"${1", "$(1", "${1)", "$({1}", "${{1}"})
        EXPECT_THAT(MistakeIn(text), testing::StartsWith("nothing ends what \"$")) << text;
}

TEST(ReplacementTest, KeepsTheTextAsItIsWritten) {
    EXPECT_EQ(Replacement("$1@$$").Text(), "$1@$$");
}

}  // namespace
}  // namespace policyd::tables
