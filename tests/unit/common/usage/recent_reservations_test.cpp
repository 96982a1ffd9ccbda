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
        for (const Held& held : recent_.Recent(0, now)) ids.push_back(held.id);
        return ids;
    }

    bool IsCurrent(const Held& held) const { return recent_.Current(held) == held; }

    const std::vector<std::string> ann_{"ann@example.com"};
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
    EXPECT_THAT(IdsAt(milliseconds(1010)), testing::ElementsAre("m1", "m2"));
    EXPECT_THAT(IdsAt(milliseconds(1011)), testing::ElementsAre("m2"));
    EXPECT_EQ(recent_.Size(), 1u);
}

TEST_F(RecentReservationsTest, AreForgottenAlsoWhereNothingIsToldAgain) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m2", 5, milliseconds(2000)));
    EXPECT_EQ(recent_.Size(), 1u);
}

TEST_F(RecentReservationsTest, HoldWhatWasLastReserved) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m1", 7, milliseconds(10)));
    const std::vector<Held> recent = recent_.Recent(0, milliseconds(10));
    ASSERT_EQ(recent.size(), 1u);
    EXPECT_EQ(recent[0].bytes, 7u);
    EXPECT_FALSE(IsCurrent(Holding("m1", 5, milliseconds(10))));
    EXPECT_TRUE(IsCurrent(recent[0]));
}

TEST_F(RecentReservationsTest, AreYoungAgainWhenReservedAgain) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m1", 5, milliseconds(900)));
    EXPECT_THAT(IdsAt(milliseconds(1500)), testing::ElementsAre("m1"));
}

TEST_F(RecentReservationsTest, AreTheSameAgeWhenReservedAgainUntilTheyAreSettled) {
    const auto age = [this] { return recent_.Recent(0, milliseconds(1000)).at(0).age; };
    for (const int at : {100, 300, 900}) recent_.Remember(Holding("m1", 5, milliseconds(at)));
    EXPECT_EQ(age(), milliseconds(800)) << "when it was told last";
    Held settled = Holding("m1", 5, milliseconds(950));
    settled.settled = true;
    recent_.Remember(settled);
    EXPECT_EQ(age(), milliseconds(0));
    recent_.GiveBack("m1", ann_, Unreserve::kEverything, milliseconds(960), 0);
    recent_.Remember(Holding("m1", 5, milliseconds(990)));
    EXPECT_EQ(age(), milliseconds(0)) << "it held nothing";
}

TEST_F(RecentReservationsTest, AreAsOldAsTheyWereSaidToBeWhereThatIsOlder) {
    Held held = Holding("m1", 5, milliseconds(100));
    recent_.Remember(held);
    held.at = milliseconds(300);
    held.age = milliseconds(5000);
    recent_.Remember(held);
    EXPECT_EQ(recent_.Current(held)->age, milliseconds(5000));
}

TEST_F(RecentReservationsTest, WhatWasGivenBackIsToldForAsLong) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.GiveBack("m1", ann_, Unreserve::kEverything, milliseconds(900), 0);
    EXPECT_THAT(IdsAt(milliseconds(1900)), testing::ElementsAre("m1"));
    EXPECT_TRUE(IdsAt(milliseconds(1901)).empty());
}

TEST_F(RecentReservationsTest, HoldWhatWasGivenBackInItsPlace) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m2", 5, milliseconds(20)));
    recent_.GiveBack("m1", ann_, Unreserve::kWhatIsUnsettled, milliseconds(30), 0);
    const std::vector<Held> recent = recent_.Recent(0, milliseconds(40));
    ASSERT_THAT(recent, testing::SizeIs(2));
    EXPECT_EQ(recent[0].given_back, std::nullopt);
    EXPECT_EQ(recent[1].id, "m1");
    EXPECT_EQ(recent[1].given_back, Unreserve::kWhatIsUnsettled);
    EXPECT_FALSE(IsCurrent(Holding("m1", 5, milliseconds(10))));
    recent_.Remember(Holding("m1", 7, milliseconds(50)));
    EXPECT_TRUE(IsCurrent(Holding("m1", 7, milliseconds(50))));
}

TEST_F(RecentReservationsTest, WhatIsSettledStaysWhenWhatIsUnsettledIsGivenBack) {
    Held settled = Holding("m1", 5, milliseconds(10));
    settled.settled = true;
    recent_.Remember(settled);
    recent_.GiveBack("m1", ann_, Unreserve::kWhatIsUnsettled, milliseconds(30), 0);
    EXPECT_TRUE(IsCurrent(settled));
    recent_.GiveBack("m1", ann_, Unreserve::kEverything, milliseconds(30), 0);
    recent_.GiveBack("m1", ann_, Unreserve::kWhatIsUnsettled, milliseconds(30), 0);
    EXPECT_EQ(recent_.Recent(0, milliseconds(40)).at(0).given_back, Unreserve::kEverything);
}

TEST_F(RecentReservationsTest, DoNotAgeFromALossUntilAllIsTold) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m2", 5, milliseconds(2000)));
    recent_.Lost(0, milliseconds(2500));
    recent_.Remember(Holding("m3", 5, milliseconds(60'000)));
    recent_.Lost(0, milliseconds(61'000));
    EXPECT_THAT(IdsAt(milliseconds(70'000)), testing::ElementsAre("m2", "m3"));
    recent_.Told(0);
    EXPECT_TRUE(IdsAt(milliseconds(70'000)).empty());
}

TEST_F(RecentReservationsTest, DoNotAgeByWhatIsGivenBackBeforeALossIsNoticed) {
    recent_.Remember(Holding("m1", 5, milliseconds(10)));
    recent_.Remember(Holding("m2", 5, milliseconds(20)));
    recent_.GiveBack("m2", ann_, Unreserve::kWhatIsUnsettled, milliseconds(5000), 0);
    recent_.Lost(0, milliseconds(30));
    EXPECT_THAT(IdsAt(milliseconds(6000)), testing::ElementsAre("m1", "m2"));
}

TEST_F(RecentReservationsTest, AreNotPushedOutByWhatIsGivenBackDuringALoss) {
    for (const char* const id : {"m1", "m2", "m3"})
        recent_.Remember(Holding(id, 5, milliseconds(10)));
    recent_.Lost(0, milliseconds(30));
    for (const char* const id : {"m4", "m5", "m2"})
        recent_.GiveBack(id, ann_, Unreserve::kEverything, milliseconds(5000), 0);
    EXPECT_THAT(IdsAt(milliseconds(6000)), testing::ElementsAre("m1", "m3", "m2"));
    EXPECT_EQ(recent_.Current(Holding("m2", 5, milliseconds(10)))->given_back,
              Unreserve::kEverything);
}

TEST_F(RecentReservationsTest, AreYoungAgainWhenToldAgainAndAcceptedAsLongAgoAsBefore) {
    const Held held = Holding("m1", 5, milliseconds(10));
    recent_.Remember(held);
    recent_.Lost(0, milliseconds(30));
    EXPECT_EQ(recent_.ToldAgain(held, milliseconds(5000)), std::nullopt);
    recent_.Told(0);
    recent_.Remember(Holding("m2", 5, milliseconds(5500)));
    const std::vector<Held> recent = recent_.Recent(0, milliseconds(5500));
    ASSERT_THAT(recent, testing::SizeIs(2));
    EXPECT_EQ(recent[0].at, milliseconds(5000));
    EXPECT_EQ(recent[0].age, milliseconds(4990));
}

TEST_F(RecentReservationsTest, WhatBecameOfOneThatWasToldAgainIsToBeTold) {
    const Held held = Holding("m1", 5, milliseconds(10));
    recent_.Remember(held);
    recent_.GiveBack("m1", ann_, Unreserve::kEverything, milliseconds(20), 1);
    const std::optional<Held> next = recent_.ToldAgain(held, milliseconds(40));
    ASSERT_TRUE(next);
    EXPECT_EQ(next->given_back, Unreserve::kEverything);
    EXPECT_EQ(recent_.ToldAgain(*next, milliseconds(50)), std::nullopt);
}

TEST_F(RecentReservationsTest, AMessageThatIsSettledTakesOnePlace) {
    for (const char* const id : {"m1", "m2", "m3"}) {
        recent_.Remember(Holding(id, 5, milliseconds(10)));
        recent_.Remember(Holding(id, 7, milliseconds(10)));
    }
    EXPECT_THAT(IdsAt(milliseconds(10)), testing::ElementsAre("m1", "m2", "m3"));
}

TEST_F(RecentReservationsTest, AreToldByWhoToldThemLast) {
    Held held = Holding("m1", 5, milliseconds(10));
    const RecentReservations::Teller first = recent_.NewTeller();
    const RecentReservations::Teller second = recent_.NewTeller();
    held.teller = first;
    recent_.Remember(held);
    recent_.GiveBack("m1", ann_, Unreserve::kWhatIsUnsettled, milliseconds(20), second);
    EXPECT_TRUE(recent_.Recent(first, milliseconds(30)).empty());
    ASSERT_THAT(recent_.Recent(second, milliseconds(30)), testing::SizeIs(1));
    EXPECT_EQ(recent_.Current(held)->given_back, Unreserve::kWhatIsUnsettled);
}

TEST_F(RecentReservationsTest, StayUntilTheLastWhoLostTheStoreHasTold) {
    const RecentReservations::Teller first = recent_.NewTeller();
    const RecentReservations::Teller second = recent_.NewTeller();
    Held held = Holding("m1", 5, milliseconds(10));
    held.teller = second;
    recent_.Remember(held);
    recent_.Lost(first, milliseconds(500));
    recent_.Lost(second, milliseconds(600));
    recent_.Told(first);
    EXPECT_THAT(recent_.Recent(second, milliseconds(5000)), testing::SizeIs(1));
    recent_.Told(second);
    EXPECT_TRUE(recent_.Recent(second, milliseconds(5000)).empty());
}

TEST_F(RecentReservationsTest, StayForWhoLostTheStoreFirstWhenOthersLoseItLater) {
    const RecentReservations::Teller first = recent_.NewTeller();
    const RecentReservations::Teller second = recent_.NewTeller();
    Held held = Holding("m1", 5, milliseconds(10));
    held.teller = first;
    recent_.Remember(held);
    recent_.Lost(first, milliseconds(500));
    recent_.Lost(second, milliseconds(4000));
    EXPECT_THAT(recent_.Recent(first, milliseconds(5000)), testing::SizeIs(1));
}

TEST_F(RecentReservationsTest, AreBoundedInNumber) {
    for (int i = 0; i < 5; ++i)
        recent_.Remember(Holding("m" + std::to_string(i), 5, milliseconds(10 + i)));
    EXPECT_THAT(IdsAt(milliseconds(20)), testing::ElementsAre("m2", "m3", "m4"));
    EXPECT_EQ(recent_.Current(Holding("m1", 5, milliseconds(11))), std::nullopt);
}

}  // namespace
}  // namespace policyd::usage
