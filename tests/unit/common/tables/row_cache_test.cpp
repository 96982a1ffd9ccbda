#include "common/tables/row_cache.hpp"

#include <gmock/gmock.h>

#include "tests/support/run_to_end.hpp"
#include "tests/unit/common/tables/fake_table.hpp"

namespace policyd::tables {
namespace {

using std::chrono::milliseconds;
using test::RunToEnd;
using testing::ElementsAre;
using testing::IsEmpty;

class RowCacheTest : public testing::Test {
protected:
    RowCacheTest() { table_.server = &table_; }

    std::optional<std::string> Find(std::string_view key) {
        return RunToEnd(rows_.Find(table_, key));
    }
    std::vector<std::string> Asked() { return std::exchange(table_.asked, {}); }

    milliseconds now_{0};
    FakeTable table_{{"example.com", "OK"}};
    RowCache rows_{{milliseconds(100), milliseconds(10), 2}, [this] { return now_; }};
};

TEST_F(RowCacheTest, RemembersRowsAndThatThereIsNone) {
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(Find("example.com"), "OK");
        EXPECT_EQ(Find("example.org"), std::nullopt);
    }
    EXPECT_THAT(Asked(), ElementsAre("example.com", "example.org"));
    now_ += milliseconds(10);
    Find("example.com");
    Find("example.org");
    EXPECT_THAT(Asked(), ElementsAre("example.org"));
    now_ += milliseconds(90);
    Find("example.com");
    EXPECT_THAT(Asked(), ElementsAre("example.com"));
}

TEST_F(RowCacheTest, KeepsOnlySoManyRowsOfATable) {
    for (const char* key : {"a", "b", "c", "a"}) Find(key);
    EXPECT_THAT(Asked(), ElementsAre("a", "b", "c", "a"));
}

TEST_F(RowCacheTest, DoesNotRememberFailures) {
    table_.broken = true;
    EXPECT_THROW(Find("example.com"), outage::TableUnavailable);
    table_.broken = false;
    EXPECT_EQ(Find("example.com"), "OK");
}

TEST_F(RowCacheTest, TellsTablesApart) {
    FakeTable other{{"example.com", "REJECT"}};
    other.server = &other;
    EXPECT_EQ(Find("example.com"), "OK");
    EXPECT_EQ(RunToEnd(rows_.Find(other, "example.com")), "REJECT");
}

TEST_F(RowCacheTest, ForgetsAllRowsWhenItIsCleared) {
    Find("example.com");
    rows_.Clear();
    Asked();
    Find("example.com");
    EXPECT_THAT(Asked(), ElementsAre("example.com"));
}

TEST_F(RowCacheTest, AsksATableInMemoryEveryTime) {
    table_.server = nullptr;
    Find("example.com");
    Find("example.com");
    EXPECT_THAT(Asked(), ElementsAre("example.com", "example.com"));
}

}  // namespace
}  // namespace policyd::tables
