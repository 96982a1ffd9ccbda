#include "common/tables/sql_marks.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <random>

namespace policyd::tables {
namespace {

constexpr Dialect kAll[] = {Dialect::kSqlite, Dialect::kMysql, Dialect::kMysqlWithoutEscapes};

TEST(SqlMarksTest, TellWhatEachCharacterStandsIn) {
    for (const Dialect dialect : kAll) {
        EXPECT_EQ(SqlMarks("a 'b\"'\"c'\"`d'` e", dialect), "  ''''\"\"\"\"````  ");
        EXPECT_EQ(SqlMarks("'a''b'c", dialect), "'''''' ");
        EXPECT_EQ(SqlMarks("a'b", dialect), " ''") << "without an end";
        EXPECT_EQ(SqlMarks("", dialect), "");
    }
}

TEST(SqlMarksTest, QuotationMarksInCommentsAreNone) {
    for (const Dialect dialect : kAll) {
        EXPECT_EQ(SqlMarks("a /* ' */'b'", dialect), "  *******'''");
        EXPECT_EQ(SqlMarks("a -- '\n'b'", dialect), "  **** '''");
        EXPECT_EQ(SqlMarks("/*/ ' */a", dialect), "******** ");
        EXPECT_EQ(SqlMarks("'/*' '--", dialect), "'''' '''") << "nor comments in strings";
        EXPECT_EQ(SqlMarks("a--", dialect), " **");
    }
}

TEST(SqlMarksTest, ServersDifferInTheirComments) {
    for (const Dialect dialect : {Dialect::kMysql, Dialect::kMysqlWithoutEscapes}) {
        EXPECT_EQ(SqlMarks("5--3'", dialect), "    '") << "minus minus three";
        EXPECT_EQ(SqlMarks("--\t'", dialect), "****");
        EXPECT_EQ(SqlMarks("--\x01'", dialect), "****");
        EXPECT_EQ(SqlMarks("--\x7f'", dialect), "****");
        EXPECT_EQ(SqlMarks("--\xc3'", dialect), "   '");
        EXPECT_EQ(SqlMarks("# '\n'", dialect), "*** '");
        EXPECT_EQ(SqlMarks("/*! 'a*/' */", dialect), "    '''''   ") << "what MySQL runs";
        EXPECT_EQ(SqlMarks("/*M! 'a' */", dialect), "     '''   ") << "what MariaDB runs";
        EXPECT_EQ(SqlMarks("[']", dialect), " ''");
    }
    EXPECT_EQ(SqlMarks("5--3'", Dialect::kSqlite), " ****");
    EXPECT_EQ(SqlMarks("#'", Dialect::kSqlite), " '");
    EXPECT_EQ(SqlMarks("/*! ' */", Dialect::kSqlite), "********");
    EXPECT_EQ(SqlMarks("[a']'b'", Dialect::kSqlite), "[[[['''");
}

TEST(SqlMarksTest, BackslashesEscapeInStringsOfMysql) {
    EXPECT_EQ(SqlMarks(R"('\'a'b)", Dialect::kMysql), "''''' ");
    EXPECT_EQ(SqlMarks(R"("\\"a)", Dialect::kMysql), R"("""" )");
    EXPECT_EQ(SqlMarks(R"(`\`a)", Dialect::kMysql), "``` ");
    for (const Dialect dialect : {Dialect::kSqlite, Dialect::kMysqlWithoutEscapes})
        EXPECT_EQ(SqlMarks(R"('\'a)", dialect), "''' ");
}

/// Whether SQLite finds the text complete once `end` is behind it: it stood in what that ends.
bool IsEndedBy(const std::string& text, const char* end) {
    return sqlite3_complete((text + end + ";").c_str()) != 0;
}

TEST(SqlMarksTest, AgreeWithSqlite) {
    constexpr std::string_view kPieces = "'\"`[]-/*#\\\n a";
    std::mt19937 random(20);
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (unsigned size = random() % 16; size > 0; --size)
            text += kPieces[random() % kPieces.size()];
        text += " ";
        const char mark = SqlMarks(text + "x", Dialect::kSqlite).back();
        for (const char c : {'\'', '"', '`'})
            EXPECT_EQ(mark == c, IsEndedBy(text, std::string(1, c).c_str())) << text;
        EXPECT_EQ(mark == '[', !IsEndedBy(text, "\n") && IsEndedBy(text, "]")) << text;
        EXPECT_EQ(mark == kCommentMark || mark == kNoMark,
                  IsEndedBy(text, "\n") || IsEndedBy(text, "*/"))
            << text;
    }
}

}  // namespace
}  // namespace policyd::tables
