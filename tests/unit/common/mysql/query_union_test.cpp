#include "common/mysql/query_union.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace policyd::mysql {
namespace {

TEST(QueryUnionTest, LeavesOutWhatOrdersLimitsOrMergesRows) {
    EXPECT_TRUE(CanBePartOfUnion("SELECT v FROM t WHERE k = ?"));
    EXPECT_TRUE(CanBePartOfUnion("SELECT ordered, `limits` FROM t WHERE k = ?"));
    for (const char* query :
         {"SELECT v FROM t WHERE k = ? ORDER BY v", "SELECT v FROM t WHERE k = ? limit 2",
          "SELECT v FROM t WHERE k = ? LIMIT 1, 1", "SELECT v FROM t ORDER BY v LIMIT 1",
          "SELECT DISTINCT v FROM t", "SELECT v FROM t GROUP BY v",
          "SELECT v FROM t UNION SELECT 1", "SELECT v INTO DUMPFILE '/tmp/x' FROM t",
          "SELECT v FROM t FOR UPDATE", "SELECT v FROM t FETCH FIRST 1 ROWS ONLY",
          "SELECT v FROM t OFFSET 1 ROWS"})
        EXPECT_FALSE(CanBePartOfUnion(query)) << query;
}

TEST(QueryUnionTest, MakesATableOfItsOwnOfAQueryForOneRow) {
    const std::string query = "SELECT v FROM t WHERE k = ? LIMIT 1";
    EXPECT_TRUE(CanBePartOfUnion(query));
    const std::vector<UnionPart> parts{{{query, 1, 2}}};
    EXPECT_EQ(UnionOf(parts, 2), "SELECT 0, t.* FROM (" + query + ") t");
    EXPECT_FALSE(HaveTheSameRows(query, "SELECT w FROM t WHERE k = ? LIMIT 1"));
}

TEST(QueryUnionTest, NumbersTheQueriesAndGivesEachItsOwnColumns) {
    const std::vector<UnionPart> parts{{{"SELECT v FROM t WHERE k = ?", 1, 2}},
                                       {{" select a, b from u where k = ? ", 2, 4}},
                                       {{"SELECT v FROM t WHERE k = ?", 1, 2}}};
    EXPECT_EQ(UnionOf(parts, 4),
              "SELECT 0, v, NULL, NULL FROM t WHERE k = ?"
              " UNION ALL SELECT 1, NULL, a, b from u where k = ?"
              " UNION ALL SELECT 2, v, NULL, NULL FROM t WHERE k = ?");
}

TEST(QueryUnionTest, FindsTheFromThatEndsTheColumns) {
    const auto end_of_columns = [](const std::string& query) {
        const std::vector<UnionPart> parts{{{query, 1, 2}}};
        const std::string text = UnionOf(parts, 3);
        return text.substr(0, text.find(", NULL"));
    };
    EXPECT_EQ(end_of_columns("SELECT (SELECT 1 FROM a) FROM t"), "SELECT 0, (SELECT 1 FROM a)");
    EXPECT_EQ(end_of_columns("SELECT TRIM(BOTH ' ' FROM v) FROM t"),
              "SELECT 0, TRIM(BOTH ' ' FROM v)");
    EXPECT_EQ(end_of_columns("SELECT `from`, ' FROM x'\nFROM t"), "SELECT 0, `from`, ' FROM x'");
    EXPECT_EQ(end_of_columns("SELECT t.from, from_x FROM t"), "SELECT 0, t.from, from_x");
    EXPECT_EQ(end_of_columns("SELECT count(*) FROM t"), "SELECT 0, count(*)");
}

TEST(QueryUnionTest, MakesATableOfItsOwnOfAQueryWhoseColumnsTakeNoOthers) {
    for (const std::string query :
         {"SELECT * FROM t", "SELECT ALL v FROM t", "SELECT sql_no_cache v FROM t", "SELECT 1",
          "SELECT t.* FROM t"}) {
        const std::vector<UnionPart> parts{{{query, 1, 2}}};
        EXPECT_EQ(UnionOf(parts, 2), "SELECT 0, t.* FROM (" + query + ") t");
    }
}

TEST(QueryUnionTest, KnowsColumnsOfTheSameRows) {
    constexpr std::string_view kName = "SELECT name FROM t WHERE k = ?";
    EXPECT_TRUE(HaveTheSameRows(kName, kName));
    EXPECT_TRUE(HaveTheSameRows("SELECT count(*) FROM t", "SELECT count(*) FROM t"));
    EXPECT_TRUE(HaveTheSameRows(kName, " select `size` AS s, t.name FROM t WHERE k = ? "));
    for (const std::string_view other :
         {"SELECT name FROM t WHERE k = ? AND a", "SELECT max(name) FROM t WHERE k = ?",
          "SELECT * FROM t WHERE k = ?", "SELECT name FROM u WHERE k = ?",
          "SELECT sql_no_cache name FROM t WHERE k = ?"})
        EXPECT_FALSE(HaveTheSameRows(kName, other)) << other;
}

TEST(QueryUnionTest, TakesColumnsOfTheSameRowsFromOneOfThem) {
    const std::vector<UnionPart> parts{{{"SELECT a FROM t WHERE k = ?", 3, 4},
                                        {"SELECT a FROM t WHERE k = ?", 3, 4},
                                        {"SELECT b FROM t WHERE k = ?", 1, 2}},
                                       {{"SELECT 1", 2, 3}}};
    EXPECT_EQ(UnionOf(parts, 5),
              "SELECT 0, b, NULL, a, NULL FROM t WHERE k = ?"
              " UNION ALL SELECT 1, NULL, t.*, NULL, NULL FROM (SELECT 1) t");
}

class UnionPlanTest : public testing::Test {
protected:
    /// A query for `text`, which the one before has the parameters of if `follows`.
    void Ask(const std::string& text, bool follows = false) {
        Query query;
        query.prepared = text;
        query.has_parameters_of_last = follows;
        queries_.push_back(std::move(query));
    }

    UnionPlan Plan() {
        return PlanUnion(queries_, [this](const std::string& query) -> std::optional<unsigned> {
            if (query == kOnlyAsText) return std::nullopt;
            ++counted_;
            return query == kTwo ? 2 : 1;
        });
    }

    static std::string Describe(const UnionPlan& plan) {
        std::string text;
        for (const auto& places : plan.places) {
            for (const auto& [query, first, end] : places)
                text += std::to_string(query) + ":" + std::to_string(first) + "-" +
                        std::to_string(end) + " ";
            text += "| ";
        }
        for (const std::size_t query : plan.alone) text += std::to_string(query) + " ";
        return text;
    }

    const std::string kOne = "SELECT a FROM t WHERE k = ?";
    const std::string kTwo = "SELECT a, b FROM u WHERE k = ?";
    const std::string kOnlyAsText = "SELECT picture FROM t WHERE k = ?";
    const std::string kOrdered = "SELECT a FROM t WHERE k = ? ORDER BY a";
    std::vector<Query> queries_;
    int counted_ = 0;
};

TEST_F(UnionPlanTest, GivesEachQueryItsRowsAndEachTextItsColumns) {
    Ask(kOne);
    Ask(kTwo);
    Ask(kOne);
    const UnionPlan plan = Plan();
    EXPECT_EQ(Describe(plan), "0:2-3 | 1:3-5 | 2:2-3 | ");
    EXPECT_EQ(plan.columns, 4u);
    EXPECT_EQ(plan.text,
              UnionOf(std::vector<UnionPart>{{{kOne, 1, 2}}, {{kTwo, 2, 4}}, {{kOne, 1, 2}}}, 4));
    EXPECT_EQ(counted_, 2);
}

TEST_F(UnionPlanTest, SharesTheRowsOfQueriesWithTheSameParameters) {
    const std::string other_column = "SELECT c FROM t WHERE k = ?";
    Ask(kOne);
    Ask(kTwo, true);
    Ask(other_column, true);
    Ask(other_column);
    EXPECT_EQ(Describe(Plan()), "0:2-3 2:5-6 | 1:3-5 | 3:5-6 | ");
}

TEST_F(UnionPlanTest, LeavesAloneWhatDoesNotGoTogether) {
    Ask(kOnlyAsText);
    Ask(kOne);
    Ask(kOrdered, true);
    Ask("", true);
    Ask(kOne, true);
    EXPECT_EQ(Describe(Plan()), "1:2-3 4:2-3 | 0 2 3 ");
}

TEST_F(UnionPlanTest, MakesNoStatementOfLessThanTwoQueries) {
    Ask(kOne);
    Ask(kOrdered);
    EXPECT_EQ(Plan().text, "");
    queries_.clear();
    EXPECT_EQ(Plan().text, "");
}

}  // namespace
}  // namespace policyd::mysql
