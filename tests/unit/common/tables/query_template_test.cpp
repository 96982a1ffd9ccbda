#include "common/tables/query_template.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace policyd::tables {
namespace {

std::string Query(const char* query, std::string_view key, Dialect dialect = Dialect::kSqlite) {
    const QueryTemplate templates(query, "%s");
    if (!templates.IsSearchable(key)) return "suppressed";
    return templates.Query(key, dialect, [](std::string_view part, char mark) {
        return "<" + std::string(part) + (mark == kNoMark ? ">" : mark + std::string(">"));
    });
}

TEST(QueryTemplateTest, SplitsTheKeyAtItsLastAt) {
    EXPECT_EQ(Query("%s %u %d %S %U %D %%", "a@b@c.d"),
              "<a@b@c.d> <a@b> <c.d> <a@b@c.d> <a@b> <c.d> %");
    EXPECT_EQ(Query("%u", "a"), "<a>");
}

TEST(QueryTemplateTest, KnowsTheQuotationMarksThatAnExpansionStandsIn) {
    EXPECT_EQ(Query("%u '%u' \"%u@%d\" `%u` %u", "a@b"), "<a> '<a'>' \"<a\">@<b\">\" `<a`>` <a>");
    EXPECT_EQ(Query("'\"%u''%u' \"'%u\"", "a@b"), "'\"<a'>''<a'>' \"'<a\">\"");
}

TEST(QueryTemplateTest, QuotationMarksInCommentsAreNone) {
    EXPECT_EQ(Query("/* don't */ \"%u\"", "a@b"), "/* don't */ \"<a\">\"");
    EXPECT_EQ(Query("[don't] \"%u\" [%u]", "a@b"), "[don't] \"<a\">\" [<a[>]");
    EXPECT_EQ(Query("'\\' \"%u\"", "a@b"), "'\\' \"<a\">\"");
    EXPECT_EQ(Query("'\\'\"' \"%u\"", "a@b", Dialect::kMysql), "'\\'\"' \"<a\">\"");
}

TEST(QueryTemplateTest, LeavesAKeyOutOfAComment) {
    EXPECT_EQ(Query("'%u' /* '%u' */ '%u'", "*/@b"), "'<*/'>' /* ' ' */ '<*/'>'");
    EXPECT_EQ(Query("/* *%u/ %u", "a@b"), "/* * /  ");
    EXPECT_EQ(Query("# %u", "a@b", Dialect::kMysql), "#  ");
}

TEST(QueryTemplateTest, CountsLabelsFromTheRightWithoutEmptyOnes) {
    EXPECT_EQ(Query("%1 %2 %3", "x@a.b.c"), "<c> <b> <a>");
    EXPECT_EQ(Query("%1 %2", "x@.a..b."), "<b> <a>");
}

TEST(QueryTemplateTest, SuppressesQueriesWhoseKeyLacksAPart) {
    EXPECT_EQ(Query("%d", "a"), "suppressed");
    EXPECT_EQ(Query("%d", "a@"), "suppressed");
    EXPECT_EQ(Query("%u", "@b"), "suppressed");
    EXPECT_EQ(Query("%u", "a@"), "<a>");
    EXPECT_EQ(Query("%3", "x@a.b"), "suppressed");
    EXPECT_EQ(Query("%s", ""), "suppressed");
    EXPECT_FALSE(QueryTemplate("%s", "%D").IsSearchable("a"));
    EXPECT_FALSE(QueryTemplate("%s", "%9").IsSearchable("a@b"));
    EXPECT_EQ(Query("%2 %1", "x@a"), "suppressed") << "the most labels, not the last";
    EXPECT_EQ(Query("%1", "x"), "suppressed");
    EXPECT_EQ(Query("%D", "a"), "suppressed");
    EXPECT_EQ(Query("%U", "@b"), "suppressed");
    EXPECT_FALSE(QueryTemplate("%s", "%U").IsSearchable("@b"));
    EXPECT_TRUE(QueryTemplate("%s", "%u").IsSearchable("@b")) << "that of the result";
    EXPECT_TRUE(QueryTemplate("%s", "%d").IsSearchable("a"));
}

TEST(QueryTemplateTest, FormatsResultsAndSkipsThoseThatLackAPart) {
    const QueryTemplate templates("x", "%u|%d|%S");
    EXPECT_EQ(templates.Result("a@b", "key"), "a|b|key");
    EXPECT_EQ(templates.Result("a", "key"), std::nullopt);
    EXPECT_EQ(templates.Result("a@", "key"), std::nullopt);
    EXPECT_EQ(templates.Result("@b", "key"), std::nullopt);
    const QueryTemplate whole("x", "%s");
    for (const char* value : {"@b", "a", "a@"}) EXPECT_EQ(whole.Result(value, "key"), value);
}

TEST(QueryTemplateTest, RefusesOtherExpansionsAndSaysWhere) {
    EXPECT_THROW(QueryTemplate("%z", "%s"), std::invalid_argument);
    EXPECT_THROW(QueryTemplate("%", "%s"), std::invalid_argument);
    try {
        QueryTemplate("%s", "%z");
        FAIL();
    } catch (const std::invalid_argument& error) {
        EXPECT_THAT(error.what(), testing::StartsWith("result_format: "));
    }
}

std::string Prepared(const char* query) {
    const QueryTemplate templates(query, "%s");
    return templates.Prepared() ? templates.Prepared()->sql : "text";
}

TEST(PreparedQueryTest, BindsExpansionsThatAreLiteralsOfTheirOwn) {
    EXPECT_EQ(Prepared("SELECT v FROM t WHERE k='%s'"), "SELECT v FROM t WHERE k=?");
    EXPECT_EQ(Prepared("select v from `t@x` where f('%u', '@') = 'o''k' and d like '%d'"),
              "select v from `t@x` where f(?, '@') = 'o''k' and d like ?");
    EXPECT_EQ(Prepared("SELECT v FROM t WHERE k='%s' AND v NOT LIKE '%%/%%'"),
              "SELECT v FROM t WHERE k=? AND v NOT LIKE '%/%'");
    EXPECT_EQ(Prepared("SELECT v FROM t WHERE k = \"%s\""), "SELECT v FROM t WHERE k = ?");
    EXPECT_EQ(Prepared("SELECT v FROM t WHERE '%s' = k AND '%u' NOT LIKE '%%+%%' ; "),
              "SELECT v FROM t WHERE ? = k AND ? NOT LIKE '%+%' ");

    const QueryTemplate templates("SELECT 1 WHERE a='%u' AND b='%2'", "%s");
    EXPECT_THAT(templates.Parameters("x@b.c"), testing::ElementsAre("x", "b"));
}

TEST(PreparedQueryTest, SendsAsTextWhatItDoesNotSurelyUnderstand) {
    for (const char* query :
         {"SELECT v FROM t WHERE k=\"%s@x\"", "SELECT v FROM t WHERE n=%s",
          "SELECT v FROM t WHERE k=\"%s'", "SELECT '%s'", "SELECT v FROM t WHERE k LIKE '%%%s'",
          "SELECT v FROM t WHERE k='a''%s'", "SELECT v FROM t WHERE k=_latin1'%s'",
          "SELECT v FROM t WHERE k='%s' 'b'", "SELECT v FROM t WHERE k='%s' -- x",
          "SELECT v FROM t WHERE k='%s'; SELECT 1", "SELECT v FROM t WHERE k=xor'%s'",
          "SELECT v /* '%s' */ FROM t", "CALL p('%s')", "SELECT v FROM t WHERE k='%s' AND a=?",
          "SELECT v FROM t WHERE k='%s' AND a=@b", "SELECT v FROM t WHERE k='%s\\'",
          "SELECT DATE '%s'", "SELECT v FROM t WHERE k='%s"}) {
        EXPECT_EQ(Prepared(query), "text") << query;
    }
}

}  // namespace
}  // namespace policyd::tables
