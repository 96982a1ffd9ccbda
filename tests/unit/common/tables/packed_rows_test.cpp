#include "common/tables/packed_rows.hpp"

#include <gmock/gmock.h>

#include <string>

namespace policyd::tables {
namespace {

using testing::Optional;

TEST(PackedRowsTest, FindsNothingWhereThereIsNothing) {
    EXPECT_EQ(PackedRows().Find("key"), std::nullopt);
    EXPECT_EQ(PackedRows(1, 0).Find(""), std::nullopt);
}

TEST(PackedRowsTest, FindsEveryOneOfAsManyRowsAsThereIsRoomFor) {
    for (const std::size_t count : {1, 2, 3, 5, 6, 7, 1000, 1024}) {
        PackedRows rows(count, 0);
        for (std::size_t i = 0; i < count; ++i)
            ASSERT_TRUE(rows.Add("key" + std::to_string(i), "value" + std::to_string(2 * i)));
        EXPECT_EQ(rows.Size(), count);
        for (std::size_t i = 0; i < count; ++i)
            EXPECT_THAT(rows.Find("key" + std::to_string(i)),
                        Optional("value" + std::to_string(2 * i)));
        EXPECT_EQ(rows.Find("key" + std::to_string(count)), std::nullopt);
    }
}

TEST(PackedRowsTest, TheFirstOfTwoRowsWithOneKeyStays) {
    PackedRows rows(2, 0);
    EXPECT_TRUE(rows.Add("key", "first"));
    EXPECT_FALSE(rows.Add("key", "second"));
    EXPECT_THAT(rows.Find("key"), Optional(std::string_view("first")));
    EXPECT_EQ(rows.Size(), 1u);
}

TEST(PackedRowsTest, KeysAndValuesMayBeEmptyOrLongAndHaveAnyBytes) {
    const std::string bytes("a\0\xff", 3);
    const std::string many(100'000, 'x');
    PackedRows rows(3, 0);
    EXPECT_TRUE(rows.Add("", many));
    EXPECT_TRUE(rows.Add(many, bytes));
    EXPECT_TRUE(rows.Add(bytes, ""));
    EXPECT_THAT(rows.Find(""), Optional(many));
    EXPECT_THAT(rows.Find(many), Optional(bytes));
    EXPECT_THAT(rows.Find(bytes), Optional(std::string_view()));
    EXPECT_EQ(rows.Find("a"), std::nullopt);
}

TEST(PackedRowsTest, MovedRowsAreFound) {
    PackedRows rows(1, 0);
    rows.Add("key", "value");
    const PackedRows moved = std::move(rows);
    EXPECT_THAT(moved.Find("key"), Optional(std::string_view("value")));
}

}  // namespace
}  // namespace policyd::tables
