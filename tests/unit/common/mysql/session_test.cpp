#include "common/mysql/session.hpp"

#include <gtest/gtest.h>

namespace policyd::mysql {
namespace {

TEST(ErrorTest, TellsWhatIsOfTheQueryFromWhatNeedsAnotherSession) {
    for (const int out_of_range_or_illegal_or_gone : {1690, 1267, 1146})
        EXPECT_TRUE(Error("", out_of_range_or_illegal_or_gone).IsOfQuery());
    for (const int lost_or_killed : {2006, 2013, 1927, 1053}) {
        EXPECT_FALSE(Error("", lost_or_killed).IsOfQuery()) << lost_or_killed;
        EXPECT_TRUE(Error("", lost_or_killed).IsOfServer()) << lost_or_killed;
    }
    for (const int unknown_statement : {1243, 1615})
        EXPECT_FALSE(Error("", unknown_statement).IsOfQuery()) << unknown_statement;
    EXPECT_FALSE(Error("gave more than one result set", 0).IsOfQuery());
}

}  // namespace
}  // namespace policyd::mysql
