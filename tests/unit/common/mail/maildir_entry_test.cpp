#include "common/mail/maildir_entry.hpp"

#include <gtest/gtest.h>

namespace policyd::mail {
namespace {

struct SizeCase {
    const char* what;
    const char* name;
    std::optional<std::uint64_t> size;
};

const SizeCase kSizeCases[] = {
    {"AtTheEnd", "1.M1P1.host,S=1234", 1234},
    {"BeforeTheInfo", "1.M1P1.host,S=1234:2,S", 1234},
    {"BeforeAnotherField", "1.M1P1.host,S=1234,W=1260:2,", 1234},
    {"AfterAnotherField", "1.M1P1.host,W=1260,S=1234:2,", 1234},
    {"Zero", "1.host,S=0:2,", 0},
    {"EighteenDigits", "1.host,S=999999999999999999", 999999999999999999},
    {"NineteenDigits", "1.host,S=9999999999999999999", std::nullopt},
    {"WithoutTheField", "1.M1P1.host:2,S", std::nullopt},
    {"EmptyDigits", "1.host,S=:2,", std::nullopt},
    {"EmptyDigitsAtTheEnd", "1.host,S=", std::nullopt},
    {"Negative", "1.host,S=-5", std::nullopt},
    {"ALetterAfterTheDigits", "1.host,S=12x", std::nullopt},
    {"OnlyInTheInfo", "1.host:2,S=50", std::nullopt},
    {"TwiceTheFirstCounts", "1.host,S=7,S=9", 7},
    {"TwiceAndTheFirstIsBad", "1.host,S=x,S=9", std::nullopt},
    {"LowerCase", "1.host,s=9", std::nullopt},
    {"WithoutAComma", "S=9", std::nullopt},
    {"OddBytes", "1.h\xff\n,S=9:2,", 9},
};

class SizeInNameTest : public testing::TestWithParam<SizeCase> {};

TEST_P(SizeInNameTest, IsWhatTheRuleSays) {
    EXPECT_EQ(SizeInName(GetParam().name), GetParam().size);
}

INSTANTIATE_TEST_SUITE_P(Names, SizeInNameTest, testing::ValuesIn(kSizeCases),
                         [](const auto& test) { return std::string(test.param.what); });

TEST(MaildirEntryTest, NamesWithALeadingDotAreNoMessages) {
    EXPECT_FALSE(IsMessageName(".nfs0001"));
    EXPECT_FALSE(IsMessageName("."));
    EXPECT_TRUE(IsMessageName("1.host"));
    EXPECT_TRUE(IsMessageName(":2,S"));
}

TEST(MaildirEntryTest, FoldersBeginWithADot) {
    EXPECT_TRUE(IsFolderName(".Sent"));
    EXPECT_TRUE(IsFolderName(".&AOQ-.b"));
    EXPECT_TRUE(IsFolderName("..hidden"));
    EXPECT_FALSE(IsFolderName("."));
    EXPECT_FALSE(IsFolderName(".."));
    EXPECT_FALSE(IsFolderName("..DOVECOT-TRASHED"));
    EXPECT_FALSE(IsFolderName("cur"));
}

TEST(MaildirEntryTest, TheFlagTIsLookedForInTheInfoAlone) {
    EXPECT_TRUE(IsMarkedDeleted("1.host:2,ST"));
    EXPECT_FALSE(IsMarkedDeleted("1.host:2,S"));
    EXPECT_FALSE(IsMarkedDeleted("1T.hosT"));
    EXPECT_FALSE(IsMarkedDeleted("1.host:1,T"));
}

TEST(MaildirEntryTest, TheUniquePartOutlivesFlagsAndMoves) {
    EXPECT_EQ(UniquePart("1.host,S=5:2,RS"), "1.host,S=5");
    EXPECT_EQ(UniquePart("1.host,S=5"), "1.host,S=5");
}

}  // namespace
}  // namespace policyd::mail
