#include "common/tables/inline_table.hpp"

#include <gtest/gtest.h>

#include "common/config/config_error.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::tables {
namespace {

using test::RunToEnd;

TEST(InlineTableTest, TakesBothFormsOfEntries) {
    InlineTable table("{ a=1, b=2 {c = some words, and more} d= }");

    EXPECT_EQ(RunToEnd(table.Find("a")), "1");
    EXPECT_EQ(RunToEnd(table.Find("b")), "2");
    EXPECT_EQ(RunToEnd(table.Find("c")), "some words, and more");
    EXPECT_EQ(RunToEnd(table.Find("d")), "");
    EXPECT_EQ(RunToEnd(table.Find("e")), std::nullopt);
}

TEST(InlineTableTest, PassesOverBlanksThatSeparateNothing) {
    InlineTable table("{ \fa=1 {\fb = 2} }");
    EXPECT_EQ(RunToEnd(table.Find("a")), "1");
    EXPECT_EQ(RunToEnd(table.Find("b")), "2");
}

TEST(InlineTableTest, FoldsKeysAndLetsTheLastOneHold) {
    InlineTable table("{JoE@Example.com=1, joe@example.COM=2, Straße=3}");

    EXPECT_EQ(RunToEnd(table.Find("JOE@example.com")), "2");
    EXPECT_EQ(RunToEnd(table.Find("STRASSE")), "3");
}

TEST(InlineTableTest, BehindProxymapAKeyWithUpperCaseIsNeverFound) {
    InlineTable table("{JoE=1, ann=2}", ReadAs::kProxymap);
    EXPECT_EQ(RunToEnd(table.Find("JoE")), std::nullopt);
    EXPECT_EQ(RunToEnd(table.Find("ANN")), "2");
}

TEST(InlineTableTest, FindsNoKeyThatIsNotUtf8) {
    InlineTable table("{a=1}");
    EXPECT_EQ(RunToEnd(table.Find("a\xff")), std::nullopt);
}

TEST(InlineTableTest, AnEntryMayHaveAnEmptyKey) {
    InlineTable table("{ ={b}, {c=d} }");
    EXPECT_EQ(RunToEnd(table.Find("")), "{b}");
}

TEST(InlineTableTest, AKeyMayBeQuotedWithinBracesAndKeepsItsQuotes) {
    InlineTable table(R"({ {"a = b"@x = 1} {c\=d = 2} })");
    EXPECT_EQ(RunToEnd(table.Find(R"("a = b"@x)")), "1");
    EXPECT_EQ(RunToEnd(table.Find(R"(c\=d)")), "2");
    EXPECT_THROW(InlineTable(R"({"a=b})"), config::ConfigError);
}

TEST(InlineTableTest, RefusesWhatPostfixCallsBadSyntax) {
    for (const char* definition : {"", "a=1", "{a=1", "{a=1} b", "{a=1} {b=2}", "{}", "{ }", "{a}",
                                   "{{}, b=1}", "{{a b=1}}", "{{a=1}x}", "{a=\xff}"}) {
        EXPECT_THROW(InlineTable{definition}, config::ConfigError) << definition;
    }
}

}  // namespace
}  // namespace policyd::tables
