#include "common/tables/table_chain.hpp"

#include <gmock/gmock.h>

#include "tests/support/run_to_end.hpp"
#include "tests/unit/common/tables/fake_table.hpp"

namespace policyd::tables {
namespace {

using test::RunToEnd;

TEST(TableChainTest, AnswersFromTheFirstTableThatHasTheKey) {
    FakeTable first{{"b", "1"}}, second{{"a", "2"}, {"b", "2"}};
    const TableChain chain("virtual_alias_maps", {&first, &second});

    EXPECT_EQ(RunToEnd(chain.Find("a")), "2");
    EXPECT_EQ(RunToEnd(chain.Find("b")), "1");
    EXPECT_EQ(RunToEnd(chain.Find("c")), std::nullopt);
}

TEST(TableChainTest, FindsAnEmptyKeyNowhereWithoutAsking) {
    FakeTable table{{"", "1"}};
    const TableChain chain("x", {&table});

    EXPECT_EQ(RunToEnd(chain.Find("")), std::nullopt);
    EXPECT_THAT(table.asked, testing::IsEmpty());
}

TEST(TableChainTest, ATableThatCannotAnswerEndsTheSearch) {
    FakeTable broken, second{{"a", "2"}};
    broken.broken = true;
    const TableChain chain("x", {&broken, &second});

    EXPECT_THROW(RunToEnd(chain.Find("a")), outage::TableUnavailable);
    EXPECT_THAT(second.asked, testing::IsEmpty());
}

TEST(TableChainTest, AnEmptyValueIsAMistakeAndNotAMiss) {
    FakeTable first{{"a", ""}}, second{{"a", "2"}};
    const TableChain chain("x", {&first, &second});

    EXPECT_THROW(RunToEnd(chain.Find("a")), outage::TableUnavailable);
}

TEST(TableChainTest, APartialKeyPassesOverTablesOfPatterns) {
    FakeTable patterns{{"example.com", "1"}}, hashed{{"example.com", "2"}};
    patterns.takes_partial_keys = false;
    const TableChain chain("x", {&patterns, &hashed});

    EXPECT_EQ(RunToEnd(chain.Find("example.com")), "1");
    EXPECT_EQ(RunToEnd(chain.Find("example.com", KeyKind::kPartial)), "2");
}

}  // namespace
}  // namespace policyd::tables
