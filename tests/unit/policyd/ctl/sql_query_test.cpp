#include "policyd/ctl/sql_query.hpp"

#include <gtest/gtest.h>

namespace policyd::ctl {
namespace {

TEST(WithoutCommentsTest, LeavesABlankInThePlaceOfEach) {
    const std::pair<const char*, const char*> kQueries[] = {
        {"SELECT a /* b, c */ FROM t", "SELECT a   FROM t"},
        {"SELECT/**/a/*/, b*/FROM t", "SELECT a FROM t"},
        {"SELECT a -- b, c\nFROM t --", "SELECT a  \nFROM t  "},
        {"SELECT a # it's, c\nFROM t", "SELECT a  \nFROM t"},
        {"SELECT a FROM t /* b", "SELECT a FROM t  "},
        {"SELECT a--1, b FROM t", "SELECT a--1, b FROM t"},
        {"SELECT '/* a */', \"-- b\", `# c` FROM t", "SELECT '/* a */', \"-- b\", `# c` FROM t"},
        {R"(SELECT 'it\'s # a', `b\` # c)", R"(SELECT 'it\'s # a', `b\`  )"},
        {"SELECT 'it''s # a' # b", "SELECT 'it''s # a'  "},
        {"SELECT a /*! , b */ /*M!100101 , c */", "SELECT a /*! , b */ /*M!100101 , c */"},
        {"SELECT 'a # b", "SELECT 'a # b"},
        {"", ""}};
    for (const auto& [query, expected] : kQueries)
        EXPECT_EQ(WithoutComments(query, tables::Dialect::kMysql), expected) << query;
}

TEST(WithoutCommentsTest, OtherDialectsHaveOthers) {
    EXPECT_EQ(WithoutComments(R"(SELECT '\' /*! , b */ --c)", tables::Dialect::kSqlite),
              R"(SELECT '\'    )");
    EXPECT_EQ(WithoutComments("SELECT a # b", tables::Dialect::kSqlite), "SELECT a # b");
}

TEST(SelectsItsOwnKeyTest, SeesThroughQuotesCaseAndAliases) {
    EXPECT_TRUE(SelectsItsOwnKey("SELECT domain FROM transport WHERE domain='%s'"));
    EXPECT_TRUE(SelectsItsOwnKey("select `domain` as d from `transport` where Domain = '%s'"));
    EXPECT_FALSE(SelectsItsOwnKey("SELECT transport FROM transport WHERE domain='%s'"));
    EXPECT_FALSE(SelectsItsOwnKey("SELECT CONCAT(email) FROM users WHERE email='%s'"));
    EXPECT_FALSE(SelectsItsOwnKey(""));
    EXPECT_TRUE(SelectsItsOwnKey(
        "SELECT CONCAT(local,'@',domain) FROM mbox WHERE local='%u' AND domain='%d'"));
    EXPECT_TRUE(SelectsItsOwnKey(
        "select a || '@' || b as x from t where active = 1 and b = '%d' and a = '%u'"));
    EXPECT_FALSE(SelectsItsOwnKey(
        "SELECT CONCAT(goto,'@',domain) FROM mbox WHERE local='%u' AND domain='%d'"));
    EXPECT_FALSE(SelectsItsOwnKey(
        "SELECT CONCAT(local,'@',target) FROM mbox WHERE local='%u' AND domain='%d'"));
}

TEST(HasUnquotedPlaceholderTest, LooksOutsideQuotesOnly) {
    EXPECT_FALSE(HasUnquotedPlaceholder("SELECT a FROM b WHERE c='%s' AND d=\"%u\""));
    EXPECT_FALSE(HasUnquotedPlaceholder("SELECT a%%2 FROM b WHERE c='%s'"));
    EXPECT_TRUE(HasUnquotedPlaceholder("SELECT a FROM b WHERE c=%s"));
    EXPECT_TRUE(HasUnquotedPlaceholder("SELECT a FROM b WHERE c='x' AND d=%D"));
}

TEST(SqlQueryTest, KnowsTheColumnThatIsSelected) {
    const auto plain = ColumnSelectedBy("SELECT quota FROM users WHERE email='%s'");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->schema + '/' + plain->table + '/' + plain->name, "/users/quota");
    const auto full =
        ColumnSelectedBy("select `limit` as q from mail.`users` where a='%s' and b=1;");
    ASSERT_TRUE(full);
    EXPECT_EQ(full->schema + '/' + full->table + '/' + full->name, "mail/users/limit");
    for (const char* query :
         {"SELECT a, b FROM t WHERE c='%s'", "SELECT a*1024 FROM t WHERE c='%s'",
          "SELECT a FROM t, u WHERE c='%s'", "CALL quota('%s')", ""})
        EXPECT_FALSE(ColumnSelectedBy(query)) << query;
}

TEST(SelectsSeveralColumnsTest, CountsWhatStandsBeforeFrom) {
    for (const char* query :
         {"SELECT quota, password FROM users WHERE email='%s'", "select a,b", "SELECT * FROM users",
          "SELECT u.* FROM users u", "SELECT IF(a > 0, a, 0), b FROM t"})
        EXPECT_TRUE(SelectsSeveralColumns(query)) << query;
    for (const char* query :
         {"SELECT quota FROM users WHERE email='%s'", "SELECT IF(a > 0, a, 0) FROM t, u",
          "SELECT a * b FROM t", "SELECT ',' FROM t", "SELECT COUNT(*) FROM t", "SELECT 5",
          "SELECT a FROM t ORDER BY b, c", "CALL quota(a, b)", "SELECT 'a, b FROM t", ""})
        EXPECT_FALSE(SelectsSeveralColumns(query)) << query;
}

TEST(ForAllKeysTest, LeavesOutTheConditionsThatAreAboutTheKey) {
    const std::pair<const char*, const char*> kQueries[] = {
        {"SELECT quota FROM users WHERE email='%s'", "quota | FROM users "},
        {"select IF(q > 0, q, 0) AS `bytes` from users u JOIN d ON u.d = d.n where u.email = '%s' "
         "AND d.active = 1 and '%u' NOT LIKE '%%+%%' AND u.note <> '100%%' ORDER BY q LIMIT 1;",
         "IF(q > 0, q, 0) | from users u JOIN d ON u.d = d.n  WHERE d.active = 1 AND u.note <> "
         "'100%'"},
        {"SELECT 5000", "nothing"},
        {"SELECT a FROM t", "a | FROM t"},
        {"SELECT a, b FROM t WHERE c='%s'", "nothing"},
        {"SELECT a FROM t WHERE c='%s' LIMIT 1", "a | FROM t "},
        {"SELECT a FROM t WHERE c='%s';", "a | FROM t "},
        {"SELECT a FROM t WHERE \"%s\" = `t`.`c` AND b=1", "a | FROM t  WHERE b=1"},
        {"SELECT a FROM t WHERE c='%s' OR d='%s'", "nothing"},
        {"SELECT a FROM t WHERE c='%s' XOR d=1", "nothing"},
        {"SELECT a FROM t WHERE c='%s' AND b BETWEEN 1 AND 2", "nothing"},
        {"SELECT a FROM t WHERE c='%s' GROUP BY a", "nothing"},
        {"SELECT a FROM t WHERE c='%s' HAVING a > 1", "nothing"},
        {"SELECT a FROM t WHERE c='%s' UNION SELECT 1", "nothing"},
        {"SELECT a FROM t WHERE c='%s' INTO @x", "nothing"},
        {"SELECT a FROM t WHERE c='%s' FOR UPDATE", "nothing"},
        {"SELECT a FROM t WHERE (c='%s' AND b=1)", "nothing"},
        {"SELECT a FROM t WHERE c='%s' && b=1", "nothing"},
        {"SELECT a FROM t, d WHERE d.n='%d' AND t.c=CONCAT('%u', '@', d.m)", "nothing"},
        {"SELECT SUM(a) FROM t WHERE c='%s'", "nothing"},
        {"SELECT mine(a) FROM t WHERE c='%s'", "nothing"},
        {"SELECT f('%s', a) FROM t", "nothing"},
        {"CALL quota('%s')", "nothing"},
        {"SELECT 'a FROM t", "nothing"},
        {"", "nothing"}};
    for (const auto& [query, expected] : kQueries) {
        const auto values = ForAllKeys(query);
        EXPECT_EQ(values ? values->value + " | " + values->rest : "nothing", expected) << query;
    }
}

}  // namespace
}  // namespace policyd::ctl
