#include "common/tables/pattern_table.hpp"

#include <gmock/gmock.h>

#include "common/config/config_error.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PatternFiles : public testing::Test {
protected:
    PatternTable OpenAs(PatternSyntax syntax, const std::string& content,
                        Substitution substitution = Substitution::kAllowed) {
        const std::string path = scratch.Write("table", content).string();
        const WarningSink warn = [this, path](const std::string& text) {
            warnings.push_back(text.substr(path.size() + 1));
        };
        auto rules =
            std::make_shared<const PatternRules>(ReadPatterns(syntax, substitution, path, warn));
        return PatternTable("x:" + path, syntax, std::move(rules));
    }
    test::ScratchDirectory scratch;
    std::vector<std::string> warnings;
};

/// For both types: what a rule means is the same, but for its expressions.
class PatternTableTest : public PatternFiles, public testing::WithParamInterface<PatternSyntax> {
protected:
    PatternTable Open(const std::string& content,
                      Substitution substitution = Substitution::kAllowed) {
        return OpenAs(GetParam(), content, substitution);
    }
    std::string Find(const std::string& content, std::string_view key) {
        return Open(content).FindNow(key).value_or("nothing");
    }
};

TEST_P(PatternTableTest, TheFirstRuleThatMatchesHolds) {
    constexpr const char* kTable = "/^a/ one\n/b$/ two\n/./ three\n";
    EXPECT_EQ(Find(kTable, "ab"), "one");
    EXPECT_EQ(Find(kTable, "cb"), "two");
    EXPECT_EQ(Find(kTable, "c"), "three");
    EXPECT_EQ(Find("/^a/ one\n", "b"), "nothing");
    EXPECT_THAT(warnings, IsEmpty());
}

TEST_P(PatternTableTest, ANegatedPatternHoldsForAllThatItDoesNotMatch) {
    EXPECT_EQ(Find("!/^a/ one\n", "b"), "one");
    EXPECT_EQ(Find("!/^a/ one\n", "a"), "nothing");
    EXPECT_EQ(Find("! !/^a/ one\n", "a"), "one");
}

TEST_P(PatternTableTest, AnyOtherCharacterMayBeTheDelimiter) {
    EXPECT_EQ(Find("|^a/b| one\n", "a/b"), "one");
    EXPECT_EQ(Find("/a\\/b/ one\n", "a/b"), "one");
    EXPECT_EQ(Find("\"a\" one\n", "a"), "one");
}

TEST_P(PatternTableTest, WhatGroupsMatchedIsPutIntoTheResult) {
    EXPECT_EQ(Find("/^(.*)@Old\\.example$/ ${1}@new.example\n", "Joe@old.example"),
              "Joe@new.example");
    EXPECT_EQ(Find("/(a)|(b)/ <$1$(2)> $$\n", "b"), "<b> $");
}

TEST_P(PatternTableTest, ABlockIsPassedOverWhereItsConditionFails) {
    constexpr const char* kTable =
        "if /a/\nif !/b/\n/./ inner\nendif\n/c/ outer\nendif\n/./ rest\n";
    EXPECT_EQ(Find(kTable, "a"), "inner");
    EXPECT_EQ(Find(kTable, "abc"), "outer");
    EXPECT_EQ(Find(kTable, "ab"), "rest");
    EXPECT_EQ(Find(kTable, "c"), "rest");
    EXPECT_THAT(warnings, IsEmpty());
}

TEST_P(PatternTableTest, ABlockThatNothingEndsReachesToTheEndOfTheFile) {
    EXPECT_EQ(Find("IF /a/\n/b/ inner\n/c/ also\n", "c"), "nothing");
    EXPECT_THAT(warnings, ElementsAre("1: no \"endif\" ends this \"if\""));
}

TEST_P(PatternTableTest, RulesWithMistakesAreSkippedAndToldOf) {
    EXPECT_EQ(Find("abc x\n"
                   "/a x\n"
                   "/a(/ x\n"
                   "/a/? x\n"
                   "/(a)/ $2\n"
                   "!/(a)/ $1\n"
                   "/(a)/ $x\n"
                   "!\n"
                   "endif\n"
                   "if\n"
                   "/a/ found\n",
                   "a"),
              "found");
    EXPECT_THAT(
        warnings,
        ElementsAre(HasSubstr("1: skipped: neither a pattern"),
                    HasSubstr("2: skipped: no / ends the pattern"), HasSubstr("3: skipped: "),
                    HasSubstr("4: skipped: there is no flag '?'"),
                    HasSubstr("5: skipped: the pattern has no group for the $2"),
                    HasSubstr("6: skipped: a pattern that is not to match"),
                    HasSubstr("7: skipped: \"$x\" in the result"),
                    HasSubstr("8: skipped: no pattern"), HasSubstr("9: skipped: no \"if\" before"),
                    HasSubstr("10: skipped: no pattern")));
}

TEST_P(PatternTableTest, WhatFollowsABlocksBordersIsIgnored) {
    EXPECT_EQ(Find("if /a/ more\n/a/ one\nendif more\n", "a"), "one");
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("1: ignored what follows the pattern"),
                                      HasSubstr("3: ignored what follows the \"endif\"")));
}

TEST_P(PatternTableTest, ARuleWithPartsOfTheKeyIsSkippedWhereTheyAreNotAllowed) {
    PatternTable table = Open("/(a)/ $1\n/a/ $$2\n", Substitution::kForbiddenInTransports);
    EXPECT_EQ(table.FindNow("a"), "$2");
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("1: skipped: transport_maps take no $1")));
}

TEST_P(PatternTableTest, AnEmptyResultIsToldOf) {
    EXPECT_EQ(Find("/a/\n", "a"), "");
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("1: there is no result")));
}

TEST_P(PatternTableTest, KeysThatPostfixDoesNotLookForAreNotFound) {
    EXPECT_EQ(Find("/./ one\n", "\xff"), "nothing");
    EXPECT_EQ(Find("/./ one\n", std::string_view("a\0", 2)), "nothing");
}

TEST_P(PatternTableTest, HalfACharacterInAResultIsAMistake) {
    EXPECT_THROW(Find("/^(.)/ $1\n", "\xc3\xa9"), outage::TableUnavailable);
}

TEST_P(PatternTableTest, ShowsItsResultsAndExpressions) {
    PatternTable table = Open("if /x/\n/(a)/ $1\nendif\n!/b/ two\n");
    std::vector<std::string> values, keys;
    table.ForEachValue([&](std::string_view value) { values.emplace_back(value); });
    table.ForEachKey([&](std::string_view key) { keys.emplace_back(key); });
    EXPECT_THAT(values, ElementsAre("$1", "two"));
    EXPECT_THAT(keys, ElementsAre("(a)", "b"));
    EXPECT_FALSE(table.TakesPartialKeys());
}

INSTANTIATE_TEST_SUITE_P(Types, PatternTableTest,
                         testing::Values(PatternSyntax::kPosix, PatternSyntax::kPerl),
                         [](const auto& syntax) {
                             return syntax.param == PatternSyntax::kPerl ? "Pcre" : "Regexp";
                         });

/// Where the two differ.
class SomePatternTableTest : public PatternFiles {};

TEST_F(SomePatternTableTest, PcreTellsOfAFlagWithoutEffect) {
    EXPECT_EQ(OpenAs(PatternSyntax::kPerl, "/a/X one\n").FindNow("a"), "one");
    EXPECT_THAT(warnings, ElementsAre("1: the flag 'X' is obsolete and has no effect"));
}

TEST_F(SomePatternTableTest, RegexpKnowsASecondPatternBehindAnExclamationMark) {
    PatternTable table = OpenAs(PatternSyntax::kPosix, "/(a)/i!/b/ $1\n");
    EXPECT_EQ(table.FindNow("ac"), "a");
    EXPECT_EQ(table.FindNow("ab"), std::nullopt);
    EXPECT_EQ(OpenAs(PatternSyntax::kPosix, "/a/!!/b/ one\n").FindNow("ab"), "one");
    EXPECT_EQ(OpenAs(PatternSyntax::kPosix, "/a/!/(/ one\n").FindNow("ac"), std::nullopt);
    EXPECT_EQ(OpenAs(PatternSyntax::kPerl, "/(a)/!/b/ one\n").FindNow("ac"), std::nullopt);
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("1: skipped: "), HasSubstr("no flag '!'")));
}

TEST_F(SomePatternTableTest, RegexpTellsOfBackReferences) {
    EXPECT_EQ(OpenAs(PatternSyntax::kPosix, "/(a)\\1/ one\n/\\\\1/ two\n").FindNow("aa"), "one");
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("1: with a back-reference")));
}

TEST_F(SomePatternTableTest, ALongKeyDoesNotKeepOneRuleBusy) {
    PatternTable table = OpenAs(PatternSyntax::kPerl, "/[a-z]+.*bounce.*@/ one\n");
    EXPECT_THROW(table.FindNow(std::string(960, 'a') + "@example.com"), outage::TableUnavailable);
    EXPECT_EQ(table.FindNow(std::string(960, 'a') + "bounce-7@example.com"), "one");
    EXPECT_EQ(table.FindNow(std::string(60, 'a') + "@example.com"), std::nullopt);
}

TEST_F(SomePatternTableTest, NorManyRulesTogether) {
    std::string rules;
    for (int i = 0; i < 1000; ++i) rules += "/[a-z]+x" + std::to_string(i) + "@/ one\n";
    PatternTable table = OpenAs(PatternSyntax::kPerl, rules);
    const std::string end = "@example.com";
    EXPECT_THROW(table.FindNow(std::string(960, 'a') + end), outage::TableUnavailable);
    EXPECT_EQ(table.FindNow(std::string(960, 'a') + "x0" + end), "one");
    EXPECT_EQ(table.FindNow(std::string(100, 'a') + end), std::nullopt);
}

TEST_F(SomePatternTableTest, WhatCannotBeToldIsNoAnswer) {
    PatternTable table = OpenAs(PatternSyntax::kPerl, "/^(a+)+$/ one\n/./ two\n");
    try {
        table.FindNow(std::string(64, 'a') + "!");
        ADD_FAILURE() << "answered";
    } catch (const outage::TableUnavailable& unknown) {
        EXPECT_THAT(unknown.what(), HasSubstr(", line 1: match limit exceeded"));
    }
}

TEST(PatternRulesTest, MayStandInTheNameOfTheTable) {
    const WarningSink none = [](const std::string& text) { ADD_FAILURE() << text; };
    const auto rules = std::make_shared<const PatternRules>(
        ReadPatterns(PatternSyntax::kPerl, Substitution::kAllowed,
                     "{ { /^(.{2})$/ two $1 }, {/./ one} }", none));
    const PatternTable table("pcre:{}", PatternSyntax::kPerl, rules);
    EXPECT_EQ(table.FindNow("ab"), "two ab");
    EXPECT_EQ(table.FindNow("a"), "one");
    for (const char* name : {"{ /a/ b }", "{{/a/ b}", "{{/a/ b}} c", "{{/a/ b}c}"})
        EXPECT_THROW(ReadPatterns(PatternSyntax::kPerl, Substitution::kAllowed, name, none),
                     config::ConfigError)
            << name;
}

}  // namespace
}  // namespace policyd::tables
