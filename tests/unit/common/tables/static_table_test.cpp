#include "common/tables/static_table.hpp"

#include <gtest/gtest.h>

#include "common/config/config_error.hpp"

namespace policyd::tables {
namespace {

TEST(StaticTableTest, HasOneValueForAllKeys) {
    const StaticTable table("5000");
    EXPECT_EQ(table.FindNow("a"), "5000");
    EXPECT_EQ(table.FindNow("@example.com"), "5000");
    EXPECT_TRUE(table.TakesPartialKeys());
    EXPECT_TRUE(table.IsForAnyKey());
    EXPECT_EQ(table.Name(), "static:5000");
}

TEST(StaticTableTest, TakesItsValueOutOfBraces) {
    EXPECT_EQ(StaticTable("{ REJECT go away }").FindNow("a"), "REJECT go away");
}

TEST(StaticTableTest, RefusesNoValueAndBracesThatDoNotMatch) {
    for (const char* value : {"", "{a", "{a} b"})
        EXPECT_THROW(StaticTable{value}, config::ConfigError) << value;
}

}  // namespace
}  // namespace policyd::tables
