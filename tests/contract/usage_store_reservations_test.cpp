// Room that is reserved in mailboxes, adjusted, settled and given back.

#include "tests/contract/usage_store_contract.hpp"

namespace policyd::usage {
namespace {

TYPED_TEST(UsageStoreContract, ReservesUpToTheLimitAndNotAByteMore) {
    this->Commit("ann@example.com", 900, 1);

    EXPECT_TRUE(this->Reserve("m1", 60, {{"ann@example.com", 1000, 0}}).IsGranted());
    EXPECT_TRUE(this->Reserve("m2", 40, {{"ann@example.com", 1000, 0}}).IsGranted());
    const Reserved refused = this->Reserve("m3", 1, {{"ann@example.com", 1000, 0}});
    EXPECT_THAT(refused.full, testing::ElementsAre(0));
    ASSERT_EQ(refused.usage.size(), 1u);
    EXPECT_EQ(refused.usage[0].bytes, 900u);
    EXPECT_EQ(refused.usage[0].reserved_bytes, 100u);
    EXPECT_EQ(refused.usage[0].reserved_messages, 2u);
    EXPECT_TRUE(refused.usage[0].measured_at.has_value());
}

TYPED_TEST(UsageStoreContract, AnEmptyMessageNeedsOneByte) {
    this->Commit("ann@example.com", 1000, 1);

    EXPECT_FALSE(this->Reserve("m1", 0, {{"ann@example.com", 1000, 0}}).IsGranted());
    EXPECT_TRUE(this->Reserve("m1", 0, {{"ann@example.com", 1001, 0}}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_messages, 1u);
}

TYPED_TEST(UsageStoreContract, LimitsTheNumberOfMessagesAsWell) {
    this->Commit("ann@example.com", 10, 4);

    EXPECT_TRUE(this->Reserve("m1", 1, {{"ann@example.com", 0, 5}}).IsGranted());
    EXPECT_FALSE(this->Reserve("m2", 1, {{"ann@example.com", 0, 5}}).IsGranted());
}

TYPED_TEST(UsageStoreContract, ReservesInEveryMailboxOrInNone) {
    this->Commit("full@example.com", 100, 1);

    const Reserved refused =
        this->Reserve("m1", 10, {{"ann@example.com", 1000, 0}, {"full@example.com", 100, 0}});
    EXPECT_THAT(refused.full, testing::ElementsAre(1));
    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    EXPECT_EQ(this->UsageOf("full@example.com").reserved_bytes, 0u);
}

TYPED_TEST(UsageStoreContract, ChargesOneMessageOnceHoweverOftenItAsks) {
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(this->Reserve("m1", 600, {{"ann@example.com", 1000, 0}}).IsGranted());

    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 600u);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_messages, 1u);
}

TYPED_TEST(UsageStoreContract, AdjustsAMessageToItsRealSize) {
    this->Reserve("m1", 600, {{"ann@example.com", 1000, 0}});

    EXPECT_TRUE(this->Reserve("m1", 1000, {{"ann@example.com", 1000, 0}}).IsGranted());
    EXPECT_FALSE(this->Reserve("m1", 1001, {{"ann@example.com", 1000, 0}}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 1000u);
    EXPECT_TRUE(this->Reserve("m1", 200, {{"ann@example.com", 1000, 0}}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 200u);
}

TYPED_TEST(UsageStoreContract, ChargesEveryCopy) {
    Limit twice{"ann@example.com", 1000, 0};
    twice.copies = 2;

    EXPECT_FALSE(this->Reserve("m1", 501, {twice}).IsGranted());
    EXPECT_TRUE(this->Reserve("m1", 500, {twice}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 1000u);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_messages, 2u);
}

TYPED_TEST(UsageStoreContract, ReservesWhereThereIsNoRoomWhenForced) {
    Reservation reservation{"m1", 500, {{"ann@example.com", 100, 0}}, {}, Needs::kNoRoom};

    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 500u);
}

TYPED_TEST(UsageStoreContract, OneMailboxWithRoomIsEnoughWhereThatIsTheRule) {
    this->Commit("full@example.com", 100, 1);
    Reservation reservation{"m1", 10, {{"full@example.com", 100, 0}, {"ann@example.com", 15, 0}}};
    reservation.needs = Needs::kRoomInAny;

    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 10u);
    EXPECT_EQ(this->UsageOf("full@example.com").reserved_bytes, 10u) << "it will be there too";
    reservation.id = "m2";
    EXPECT_THAT(this->Reserve(reservation).full, testing::ElementsAre(0, 1));
    EXPECT_EQ(this->UsageOf("full@example.com").reserved_bytes, 10u);
}

TYPED_TEST(UsageStoreContract, AFullMailboxStaysFullWhereOneWithRoomIsEnough) {
    using std::chrono::milliseconds;
    this->Commit("full@example.com", 100, 1);
    this->NoteFull({"full@example.com", "ann@example.com"});
    this->Pass(milliseconds(700));
    Reservation reservation{"m1", 10, {{"full@example.com", 100, 0}, {"ann@example.com", 15, 0}}};
    reservation.needs = Needs::kRoomInAny;
    reservation.ends_fullness = true;
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    EXPECT_THAT(this->NoteFull({"full@example.com", "ann@example.com"}),
                testing::ElementsAre(milliseconds(700), milliseconds(0)));
}

TYPED_TEST(UsageStoreContract, WhatIsToldLateIsGoneByItsOwnAge) {
    this->Reserve("m1", 1, {{"ann@example.com", 0, 0}});
    Reservation late{"m2", 10, {{"ann@example.com", 0, 0}}};
    late.age = std::chrono::hours(2);
    this->Reserve(late);
    this->Pass(kReservationLife - std::chrono::hours(1));
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 1u);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 1u);
}

TYPED_TEST(UsageStoreContract, WhatIsSettledStaysWhenWhatIsUnsettledIsGivenBack) {
    const std::vector<Limit> ann{{"ann@example.com", 1000, 0}};
    Reservation reservation{"m1", 300, ann};
    reservation.settled = true;
    this->Reserve(reservation);
    this->Reserve("m2", 50, ann);
    this->Release("m1", {"ann@example.com"});
    this->Release("m2", {"ann@example.com"});
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 300u);

    this->Release("m1", {"ann@example.com"}, Unreserve::kEverything);
    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
}

TYPED_TEST(UsageStoreContract, AnUnsettledSizeThatComesLateChangesNothing) {
    const std::vector<Limit> ann{{"ann@example.com", 1000, 0}};
    Reservation settled{"m1", 300, ann};
    settled.settled = true;
    this->Reserve(settled);

    EXPECT_TRUE(this->Reserve("m1", 2000, ann).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 300u);
    settled.bytes = 400;
    EXPECT_TRUE(this->Reserve(settled).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 400u);
}

TYPED_TEST(UsageStoreContract, WhatIsToldLateIsAsOldAsItIs) {
    Reservation reservation{"m1", 100, {{"ann@example.com", 0, 0}}};
    reservation.age = this->kGrace + std::chrono::seconds(1);
    this->Reserve(reservation);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
    this->Commit("ann@example.com", 500, 1);

    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
}

TYPED_TEST(UsageStoreContract, GivesBackWhatAMessageHolds) {
    this->Commit("ann@example.com", 10, 1);
    this->Reserve("m1", 60, {{"ann@example.com", 0, 0}, {"bob@example.com", 0, 0}});

    for (int i = 0; i < 2; ++i) this->Release("m1", {"ann@example.com", "bob@example.com"});

    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_messages, 0u);
    EXPECT_EQ(this->Find("bob@example.com"), std::nullopt);
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 0u);
}

TYPED_TEST(UsageStoreContract, AMessageThatIsAskedAboutAgainIsAsOldAsBefore) {
    for (const std::uint64_t bytes : {100u, 120u, 120u}) {
        EXPECT_TRUE(this->Reserve("m1", bytes, {{"ann@example.com", 0, 0}}).IsGranted());
        this->Pass(this->kGrace / 2);
    }
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 120u);
    this->Commit("ann@example.com", 500, 2);
    EXPECT_EQ(this->Find("ann@example.com"), (Usage{500, 2, 0, 0, this->now_}));
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_messages, 0u);

    this->Reserve("m1", 120, {{"ann@example.com", 0, 0}});
    this->Pass(this->kGrace);
    this->Commit("ann@example.com", 500, 2);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 120u) << "nothing was held";
}

TYPED_TEST(UsageStoreContract, AMessageThatIsAskedAboutAgainExpiresWithItsFirstRequest) {
    this->Commit("ann@example.com", 500, 2);
    for (int i = 0; i < 3; ++i) {
        this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
        this->Pass(std::chrono::hours(9));
    }
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 0u);
}

}  // namespace
}  // namespace policyd::usage
