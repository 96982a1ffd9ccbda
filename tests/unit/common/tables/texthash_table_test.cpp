#include "common/tables/texthash_table.hpp"

#include <gmock/gmock.h>

#include "common/config/config_error.hpp"
#include "tests/support/run_to_end.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {
namespace {

using test::RunToEnd;

class TexthashTableTest : public testing::Test {
protected:
    TexthashTable Open(std::string_view content, ReadAs reader = ReadAs::kDaemon) {
        const WarningSink warn = [this](const std::string& text) { warnings.push_back(text); };
        auto rows = ReadTexthash(scratch.Write("table", content), warn, reader);
        return TexthashTable("texthash:table",
                             std::make_shared<const TexthashRows>(std::move(rows)));
    }

    test::ScratchDirectory scratch;
    std::vector<std::string> warnings;
};

TEST_F(TexthashTableTest, PostmapTakesTheFirstOfSeveralLinesWithOneKey) {
    TexthashTable table = Open("a 1\nA 2\n", ReadAs::kPostmap);
    EXPECT_EQ(RunToEnd(table.Find("A")), "1");
    EXPECT_THAT(warnings, testing::ElementsAre(testing::HasSubstr("table:2: ")));
}

TEST_F(TexthashTableTest, WhatIsCompiledHasTheFirstOfSeveralLinesAndKeysInAnyCase) {
    TexthashTable table = Open("Joe@Example.com 1\njoe@example.com 2\n", ReadAs::kCompiled);
    EXPECT_EQ(RunToEnd(table.Find("joe@example.com")), "1");
    EXPECT_THAT(warnings, testing::ElementsAre(testing::HasSubstr("ignored, as by postmap")));
}

TEST_F(TexthashTableTest, OneKeyTwiceLeavesEveryLookUpOfADaemonUnanswered) {
    TexthashTable table = Open("a 1\nA 2\nb 3\n");
    for (const char* key : {"a", "b", "nobody"})
        EXPECT_THROW(RunToEnd(table.Find(key)), outage::TableUnavailable) << key;
    EXPECT_EQ(RunToEnd(table.Find("\xff")), std::nullopt);
    EXPECT_THAT(warnings, testing::ElementsAre(testing::HasSubstr("table:2: ")));
}

TEST_F(TexthashTableTest, BehindProxymapAKeyWithUpperCaseIsNeverFoundAndIsAnotherKey) {
    TexthashTable table = Open("Example.COM 1\nexample.org 2\nExample.org 3\n", ReadAs::kProxymap);
    EXPECT_EQ(RunToEnd(table.Find("Example.COM")), std::nullopt);
    EXPECT_EQ(RunToEnd(table.Find("Example.ORG")), "2");
    EXPECT_THAT(warnings, testing::ElementsAre(testing::HasSubstr("table:1: "),
                                               testing::HasSubstr("table:3: ")));
    TexthashTable twice = Open("b 1\nb 2\n", ReadAs::kProxymap);
    EXPECT_THROW(RunToEnd(twice.Find("a")), outage::TableUnavailable);
}

TEST_F(TexthashTableTest, BehindProxymapALineThatIsNotUtf8IsReadAndIsAMistake) {
    TexthashTable table = Open("a 1\xff\nb 2\n", ReadAs::kProxymap);
    EXPECT_THROW(RunToEnd(table.Find("a")), outage::TableUnavailable);
    EXPECT_EQ(RunToEnd(table.Find("b")), "2");
}

// As postmap 3.7 was seen to do.
TEST_F(TexthashTableTest, WhatIsBehindAZeroByteCountsAsUtf8OnlyWhereNotAllBeforeItIsAscii) {
    TexthashTable table = Open(std::string_view("a x\0\x85\nb \xc3\xa4\0\x85\nc \xc3\xa4\0\n", 19));
    EXPECT_EQ(RunToEnd(table.Find("a")), "x");
    EXPECT_EQ(RunToEnd(table.Find("b")), std::nullopt);
    EXPECT_EQ(RunToEnd(table.Find("c")), "\xc3\xa4");
    EXPECT_THAT(warnings, testing::ElementsAre(testing::HasSubstr("table:2: ")));
}

TEST_F(TexthashTableTest, AQuotedLocalPartMayHaveBlanksAndKeepsItsQuotes) {
    TexthashTable table = Open("\"a b\"@x 1\nq\\ r 2\n");
    EXPECT_EQ(RunToEnd(table.Find("\"a b\"@x")), "1");
    EXPECT_EQ(RunToEnd(table.Find("q\\ r")), "2");
    EXPECT_EQ(RunToEnd(table.Find("a b@x")), std::nullopt);
}

TEST_F(TexthashTableTest, ALineThatIsNotUtf8IsIgnoredAsAWhole) {
    TexthashTable table = Open("a 1\xff\nb 2\n");
    EXPECT_EQ(RunToEnd(table.Find("a")), std::nullopt);
    EXPECT_EQ(RunToEnd(table.Find("b")), "2");
    EXPECT_THAT(warnings, testing::SizeIs(1));
}

TEST_F(TexthashTableTest, AZeroByteEndsALine) {
    TexthashTable table = Open(std::string_view("a 1\0 2\n", 7));
    EXPECT_EQ(RunToEnd(table.Find("a")), "1");
}

TEST_F(TexthashTableTest, RefusesAFileThatIsNotThere) {
    EXPECT_THROW(ReadTexthash((scratch / "missing").string(), [](const std::string&) {}),
                 config::ConfigError);
}

}  // namespace
}  // namespace policyd::tables
