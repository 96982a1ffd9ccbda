// What is known of mailboxes that are full, or become so, and of those that have changed.

#include "tests/contract/usage_store_contract.hpp"

namespace policyd::usage {
namespace {

TYPED_TEST(UsageStoreContract, AMailboxThatWasRemovedHasNotBeenFull) {
    const std::vector<std::string> ann{"ann@example.com"};
    this->Commit("ann@example.com", 10, 1);
    this->NoteFull(ann);
    this->Pass(std::chrono::milliseconds(700));
    this->Remove(ann);
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(std::chrono::milliseconds(0)));
}

TYPED_TEST(UsageStoreContract, AMailboxHasChangedAlsoWhereItHoldsAsManyMessagesAsBefore) {
    this->Commit("ann@example.com", 10, 1);
    EXPECT_TRUE(this->NoteWarned("ann@example.com", std::nullopt, 0));
    this->TakeChanged();
    for (const auto& [bytes, messages] : {std::pair(11, 1), std::pair(11, 2)}) {
        this->Pass(std::chrono::milliseconds(10));
        this->Commit("ann@example.com", static_cast<std::uint64_t>(bytes),
                     static_cast<std::uint64_t>(messages));
        EXPECT_THAT(this->TakeChanged(), testing::ElementsAre("ann@example.com"));
    }
}

TYPED_TEST(UsageStoreContract, KnowsForHowLongMailboxesHaveBeenFull) {
    using std::chrono::hours;
    using std::chrono::milliseconds;
    const std::vector<std::string> ann{"ann@example.com"};
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(milliseconds(0)));
    this->Pass(milliseconds(700));
    EXPECT_THAT(this->NoteFull({"bob@example.com", "ann@example.com"}),
                testing::ElementsAre(milliseconds(0), milliseconds(700)));

    Reservation reservation{"m1", 1, {{"ann@example.com", 10, 0}}};
    this->Reserve(reservation);
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(milliseconds(700)));
    reservation.ends_fullness = true;
    reservation.bytes = 11;
    this->Reserve(reservation);
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(milliseconds(700))) << "no grant";
    reservation.bytes = 10;
    this->Reserve(reservation);
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(milliseconds(0)));

    this->Pass(milliseconds(5));
    this->loop_.RunUntilDone(this->store_->NoteRoom(ann));
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(milliseconds(0)));
    this->Pass(-hours(2));
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(milliseconds(0)));
    this->Pass(milliseconds(700));
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(milliseconds(700)));
}

TYPED_TEST(UsageStoreContract, KnowsHowFullAMailboxIsByWhatIsSettled) {
    EXPECT_EQ(this->FillingOf("ann@example.com"), std::nullopt);
    this->Reserve("m1", 10, {{"ann@example.com", 0, 0}});
    EXPECT_EQ(this->FillingOf("ann@example.com"), (Filling{0, std::nullopt, 0, 10, 1}))
        << "it may be aborted";
    this->Settle("m1", 10, {{"ann@example.com", 0, 0}});
    EXPECT_EQ(this->FillingOf("ann@example.com"), (Filling{10, std::nullopt, 1, 10, 1}));
    this->Pass(std::chrono::seconds(1));
    this->Commit("ann@example.com", 500, 5);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 10u) << "within the grace";
    EXPECT_EQ(this->FillingOf("ann@example.com"), (Filling{500, std::nullopt, 5, 510, 6}));
    this->Pass(std::chrono::seconds(1));
    this->Settle("m2", 7, {{"ann@example.com", 0, 0}});
    EXPECT_EQ(this->FillingOf("ann@example.com"), (Filling{507, std::nullopt, 6, 517, 7}));
}

TYPED_TEST(UsageStoreContract, WhatIsReservedWhileAMailboxIsMeasuredMayBeInTheMeasurement) {
    const text::WallTime began = this->now_;
    this->Pass(std::chrono::seconds(1));
    this->Reserve("m1", 10, {{"ann@example.com", 0, 0}});
    this->Pass(std::chrono::seconds(1));
    this->Commit({{"ann@example.com", 10, 1, began}});
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 10u);
    EXPECT_EQ(this->FillingOf("ann@example.com"), (Filling{10, std::nullopt, 1, 20, 2}));
}

TYPED_TEST(UsageStoreContract, OneOfAllWhoSeeACrossingWarnsOfIt) {
    EXPECT_FALSE(this->NoteWarned("ann@example.com", std::nullopt, 80)) << "not known";
    this->Commit("ann@example.com", 500, 5);
    EXPECT_TRUE(this->NoteWarned("ann@example.com", std::nullopt, 80));
    EXPECT_FALSE(this->NoteWarned("ann@example.com", std::nullopt, 80));
    EXPECT_EQ(this->FillingOf("ann@example.com"), (Filling{500, 80, 5, 500, 5}));
    EXPECT_THAT(this->Reserve("m1", 1, {{"ann@example.com", 0, 0}}).warned,
                testing::ElementsAre(std::optional<std::uint64_t>(80)));
    EXPECT_TRUE(this->NoteWarned("ann@example.com", 80, 0));
    EXPECT_FALSE(this->NoteWarned("ann@example.com", 80, 0));

    this->Remove({"ann@example.com"});
    this->Commit("ann@example.com", 500, 5);
    EXPECT_EQ(this->FillingOf("ann@example.com"), (Filling{500, std::nullopt, 5, 500, 5}));
}

TYPED_TEST(UsageStoreContract, TellsOneOfAllWhichMailboxesChanged) {
    const std::unique_ptr<UsageStore> other = this->OpenAnother();
    this->Commit({{"ann@example.com", 500, 5, this->now_}, {"bob@example.net", 5, 1, this->now_}});
    EXPECT_THAT(this->TakeChanged(),
                testing::UnorderedElementsAre("ann@example.com", "bob@example.net"));
    EXPECT_TRUE(this->loop_.RunUntilDone(other->TakeChanged(100)).empty());

    const std::vector<std::string> back{"ann@example.com", "bob@example.net"};
    for (int i = 0; i < 2; ++i) this->loop_.RunUntilDone(other->GiveBackChanged(back));
    EXPECT_THAT(this->TakeChanged(), testing::UnorderedElementsAreArray(back));
    this->loop_.RunUntilDone(other->GiveBackChanged({}));
    EXPECT_TRUE(this->TakeChanged().empty());

    this->NoteWarned("ann@example.com", std::nullopt, 0);
    this->Pass(std::chrono::seconds(1));
    this->Commit({{"ann@example.com", 500, 5, this->now_}, {"bob@example.net", 5, 1, this->now_}});
    EXPECT_THAT(this->TakeChanged(), testing::ElementsAre("bob@example.net"))
        << "nobody has looked at it";
    this->Commit({{"ann@example.com", 900, 9, this->now_}});
    EXPECT_TRUE(this->TakeChanged().empty()) << "it began no later than what is stored";
    this->Pass(std::chrono::seconds(1));
    this->Commit({{"ann@example.com", 400, 4, this->now_}});
    EXPECT_THAT(this->TakeChanged(), testing::ElementsAre("ann@example.com"));
    this->Pass(std::chrono::seconds(1));
    this->Commit({{"ann@example.com", 400, 3, this->now_}});
    EXPECT_THAT(this->TakeChanged(), testing::ElementsAre("ann@example.com"));
}

TYPED_TEST(UsageStoreContract, AMailboxThatWasWarnedOfIsLookedAtUntilNothingIsReservedThere) {
    using std::chrono::milliseconds;
    const std::vector<std::string> ann{"ann@example.com"};
    const auto commit_after = [this](milliseconds time) {
        this->Pass(time);
        this->Commit({{"ann@example.com", 10, 1, this->now_}});
        return this->TakeChanged();
    };
    commit_after(milliseconds(0));
    this->NoteWarned("ann@example.com", std::nullopt, 0);
    this->Settle("m1", 900, {{"ann@example.com", 0, 0}});
    EXPECT_TRUE(commit_after(milliseconds(1000)).empty()) << "nobody was warned";
    this->NoteWarned("ann@example.com", 0, 80);
    EXPECT_EQ(commit_after(milliseconds(1000)), ann);
    EXPECT_EQ(commit_after(kReservationGrace), ann) << "it never came";
    EXPECT_TRUE(commit_after(milliseconds(1000)).empty());
}

}  // namespace
}  // namespace policyd::usage
