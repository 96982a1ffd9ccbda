#include "common/mysql/session.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "common/mysql/open_connection.hpp"

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

TEST(ErrorTest, TellsAServerThatDeniesAccessFromOneThatCannotBeReached) {
    for (const int no_right_or_password_or_database : {1044, 1045, 1049})
        EXPECT_TRUE(Error("", no_right_or_password_or_database).IsDenial());
    for (const int down_or_full : {2002, 1040}) EXPECT_FALSE(Error("", down_or_full).IsDenial());
}

TEST(ErrorTest, TellsAMistakeFromWhatPassesOrIsOfTheKey) {
    for (const int table_or_column_or_view_or_rows : {1146, 1054, 1356, 4078})
        EXPECT_TRUE(Error("", table_or_column_or_view_or_rows).IsMistake());
    for (const int lock_or_signal_or_gone : {1205, 1644, 2006})
        EXPECT_FALSE(Error("", lock_or_signal_or_gone).IsMistake());
}

TEST(ErrorTest, TellsALackOfRightsFromWhatNoNewSessionMends) {
    for (const int database_or_table_or_column_or_procedure : {1044, 1142, 1143, 1370})
        EXPECT_TRUE(Error("", database_or_table_or_column_or_procedure).IsLackOfRights());
    for (const int table_or_column_or_lock : {1146, 1054, 1205})
        EXPECT_FALSE(Error("", table_or_column_or_lock).IsLackOfRights());
}

TEST(SessionThreadTest, MayEndAfterTheProgramHasBegunToExit) {
    const auto exit_beside_threads = [] {
        std::atomic<int> begun = 0;
        for (int i = 0; i < 4; ++i)
            std::thread([&begun] {
                for (;;) {
                    BeginThread();
                    ++begun;
                    EndThread();
                }
            }).detach();
        while (begun < 4) std::this_thread::yield();
        std::exit(0);
    };
    for (int i = 0; i < 10; ++i) EXPECT_EXIT(exit_beside_threads(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace policyd::mysql
