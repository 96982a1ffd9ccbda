#include "common/text/reused_room.hpp"

#include <gtest/gtest.h>

namespace policyd::text {
namespace {

TEST(ReusedRoomTest, WhatOneLongTextNeededIsGivenBack) {
    std::string text(100'000, 'x');
    ClearForReuse(text);
    EXPECT_TRUE(text.empty());
    EXPECT_LE(text.capacity(), kReusedRoom);
}

TEST(ReusedRoomTest, WhatMostTextsNeedStays) {
    std::string text(700, 'x');
    ClearForReuse(text);
    EXPECT_TRUE(text.empty());
    EXPECT_GE(text.capacity(), 700u);
}

}  // namespace
}  // namespace policyd::text
