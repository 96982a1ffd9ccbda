#include "common/usage/recent_reservations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace policyd::usage {
namespace {

using std::chrono::milliseconds;
using Held = RecentReservations::Held;

class RecentReservationsTest : public testing::Test {
protected:
    static Held Holding(const std::string& id, std::uint64_t bytes, milliseconds at) {
        Held held;
        held.id = id;
        held.mailbox = "ann@example.com";
        held.bytes = bytes;
        held.at = at;
        return held;
    }

    std::vector<std::string> IdsAt(milliseconds now) {
        std::vector<std::string> ids;
        for (const Held& held : recent_.Recent(now)) ids.push_back(held.id);
        return ids;
    }

    RecentReservations recent_{milliseconds(1000), 3};
};

TEST_F(RecentReservationsTest, AreToldOldestFirst) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m2", 5, milliseconds(20)));
    EXPECT_THAT(IdsAt(milliseconds(30)), testing::ElementsAre("m1", "m2"));
}

TEST_F(RecentReservationsTest, AreForgottenAfterTheirTime) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m2", 5, milliseconds(20)));
    EXPECT_THAT(IdsAt(milliseconds(1011)), testing::ElementsAre("m2"));
    EXPECT_EQ(recent_.Size(), 1u);
}

TEST_F(RecentReservationsTest, HoldWhatWasLastReserved) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m1", 7, milliseconds(10)));
    const std::vector<Held> recent = recent_.Recent(milliseconds(10));
    ASSERT_EQ(recent.size(), 1u);
    EXPECT_EQ(recent[0].bytes, 7u);
    EXPECT_FALSE(recent_.IsCurrent(Holding("m1", 5, milliseconds(10))));
    EXPECT_TRUE(recent_.IsCurrent(recent[0]));
}

TEST_F(RecentReservationsTest, AreYoungAgainWhenReservedAgain) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m1", 5, milliseconds(900)));
    EXPECT_THAT(IdsAt(milliseconds(1500)), testing::ElementsAre("m1"));
}

TEST_F(RecentReservationsTest, AreForgottenWhenGivenBack) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    const std::vector<std::string> mailboxes{"ann@example.com"};
    recent_.Forget("m1", mailboxes);
    EXPECT_TRUE(IdsAt(milliseconds(10)).empty());
}

TEST_F(RecentReservationsTest, DoNotAgeFromALossUntilAllIsTold) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m2", 5, milliseconds(2000)));
    recent_.Lost(milliseconds(2500));
    recent_.Remember(Holding("m3", 5, milliseconds(60'000)));
    recent_.Lost(milliseconds(61'000));
    EXPECT_THAT(IdsAt(milliseconds(70'000)), testing::ElementsAre("m2", "m3"));
    recent_.Told();
    EXPECT_TRUE(IdsAt(milliseconds(70'000)).empty());
}

TEST_F(RecentReservationsTest, AMessageThatIsSettledTakesOnePlace) {
    for (const char* const id : {"m1", "m2", "m3"}) {
        recent_.Remember(Holding(id, 5, milliseconds(10)));
        recent_.Remember(Holding(id, 7, milliseconds(10)));
    }
    EXPECT_THAT(IdsAt(milliseconds(10)), testing::ElementsAre("m1", "m2", "m3"));
}

TEST_F(RecentReservationsTest, AreBoundedInNumber) {
    for (int i = 0; i < 5; ++i)
        recent_.Remember(Holding("m" + std::to_string(i), 5, milliseconds(10 + i)));
    EXPECT_THAT(IdsAt(milliseconds(20)), testing::ElementsAre("m2", "m3", "m4"));
}

}  // namespace
}  // namespace policyd::usage
