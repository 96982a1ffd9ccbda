// What was measured, and what measurements, time and removals make of reservations.

#include "tests/contract/usage_store_contract.hpp"

namespace policyd::usage {
namespace {

TYPED_TEST(UsageStoreContract, KnowsNothingOfAMailboxThatWasNeverNamed) {
    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    EXPECT_EQ(this->FindDomain("example.com"), std::nullopt);
    EXPECT_TRUE(this->Measured().empty());
}

TYPED_TEST(UsageStoreContract, KeepsWhatWasMeasured) {
    this->Commit("ann@example.com", 1000, 3);

    const Usage expected{1000, 3, 0, 0, this->now_};
    EXPECT_EQ(this->Find("ann@example.com"), expected);
    EXPECT_THAT(this->Measured(), testing::ElementsAre("ann@example.com"));
}

TYPED_TEST(UsageStoreContract, AMeasurementFromTheFutureIsOfNowAndTakesNothingThatIsReserved) {
    this->Reserve("m1", 50, {{"ann@example.com", 0, 0}});
    this->Commit({{"ann@example.com", 10, 1, this->now_ + std::chrono::hours(2)}});
    EXPECT_EQ(this->UsageOf("ann@example.com").bytes, 10u);
    EXPECT_EQ(this->UsageOf("ann@example.com").measured_at, this->now_);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 50u);
}

TYPED_TEST(UsageStoreContract, WhatIsToldLateAndHasBeenMeasuredIsNotChargedAgain) {
    this->Reserve("old", 10, {{"ann@example.com", 0, 0}});
    this->Pass(this->kGrace + std::chrono::seconds(2));
    this->Commit("ann@example.com", 500, 1);
    Reservation late{"m1", 100, {{"ann@example.com", 0, 0}, {"bob@example.com", 0, 0}}};
    late.needs = Needs::kNoRoom;
    late.settled = true;
    late.age = this->kGrace + std::chrono::seconds(1);
    EXPECT_TRUE(this->Reserve(late).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
    EXPECT_EQ(this->UsageOf("bob@example.com").reserved_bytes, 100u) << "nobody has measured";
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_messages, 1u);

    late.age = this->kGrace - std::chrono::seconds(1);
    EXPECT_TRUE(this->Reserve(late).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u) << "it may come after it";
}

TYPED_TEST(UsageStoreContract, AMeasurementTakesTheReservationsThatAreInIt) {
    this->Reserve("old", 100, {{"ann@example.com", 0, 0}});
    this->Pass(this->kGrace);
    this->Reserve("young", 10, {{"ann@example.com", 0, 0}});
    this->Pass(std::chrono::milliseconds(1));
    this->Commit("ann@example.com", 500, 2);

    const Usage expected{500, 2, 10, 1, this->now_};
    EXPECT_EQ(this->Find("ann@example.com"), expected);
}

TYPED_TEST(UsageStoreContract, AReservationAsOldAsTheGraceStays) {
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->Pass(this->kGrace);
    this->Commit("ann@example.com", 500, 2);

    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
}

TYPED_TEST(UsageStoreContract, ASettledMessageIsAsYoungAsItsEnd) {
    for (int end = 0; end < 2; ++end) {
        this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
        this->Pass(this->kGrace);
        this->Settle("m1", 120, {{"ann@example.com", 0, 0}});
        this->Pass(std::chrono::seconds(1));
        this->Commit("ann@example.com", 500, 2);

        EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 120u);
    }
}

TYPED_TEST(UsageStoreContract, IgnoresLateAndRepeatedMeasurements) {
    const text::WallTime early = this->now_ - std::chrono::seconds(10);
    this->Commit("ann@example.com", 500, 5);
    this->Commit({{"ann@example.com", 400, 4, early}});
    this->Commit({{"ann@example.com", 600, 6, this->now_}});

    EXPECT_EQ(this->UsageOf("ann@example.com").bytes, 500u);
    EXPECT_EQ(this->UsageOf("ann@example.com").messages, 5u);
    EXPECT_EQ(this->UsageOfDomain("example.com").bytes, 500u);
}

TYPED_TEST(UsageStoreContract, AReservationThatNobodyMeasuresExpires) {
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->Pass(kReservationLife);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
    this->Pass(std::chrono::milliseconds(1));

    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    EXPECT_EQ(this->FindDomain("example.com"), std::nullopt);
}

TYPED_TEST(UsageStoreContract, ListingMailboxesDropsWhatExpiredWhereNobodyAsks) {
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->NoteWarned("ann@example.com", std::nullopt, 80);
    this->Pass(kReservationLife + std::chrono::seconds(1));
    EXPECT_TRUE(this->Measured().empty());
    this->Pass(-kReservationLife);

    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    this->Reserve("m2", 100, {{"ann@example.com", 0, 0}});
    EXPECT_EQ(this->FillingOf("ann@example.com")->warned, std::nullopt);
}

TYPED_TEST(UsageStoreContract, NamesMailboxesThatHoldReservationsAndWereNeverMeasured) {
    this->Commit("ann@example.com", 500, 5);
    this->Reserve("m1", 10, {{"ann@example.com", 0, 0}, {"new@example.com", 0, 0}});
    this->Reserve("m2", 10, {{"@example.net", 0, 0}, {"left@example.net", 0, 0}});
    this->Release("m2", {"left@example.net"});
    EXPECT_THAT(this->Unmeasured(),
                testing::UnorderedElementsAre("@example.net", "new@example.com"));
    EXPECT_THAT(this->Measured(), testing::ElementsAre("ann@example.com"));

    this->Commit("new@example.com", 10, 1);
    EXPECT_THAT(this->Unmeasured(), testing::ElementsAre("@example.net"));
    this->Pass(kReservationLife + std::chrono::seconds(1));
    EXPECT_TRUE(this->Unmeasured().empty());
    this->Pass(-kReservationLife);
    EXPECT_EQ(this->Find("@example.net"), std::nullopt);
}

TYPED_TEST(UsageStoreContract, NamesAllOfManyMailboxesThatHoldReservations) {
    std::vector<Limit> limits;
    for (int i = 0; i < 2500; ++i) limits.push_back({std::to_string(i) + "@example.com", 0, 0});
    this->Reserve("m1", 1, limits);
    EXPECT_EQ(this->Unmeasured().size(), 2500u);
}

TYPED_TEST(UsageStoreContract, OfAMailboxThatIsNotThereReservationsOlderThanTheGraceGo) {
    this->Commit("ann@example.com", 500, 5);
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}, {"new@example.com", 0, 0}});
    this->Settle("m2", 10, {{"new@example.com", 0, 0}, {"never@example.com", 0, 0}});
    this->NoteWarned("never@example.com", std::nullopt, 80);
    this->NoteAbsent({"ann@example.com", "new@example.com", "never@example.com"});
    this->Pass(this->kGrace);
    this->Reserve("m3", 1, {{"new@example.com", 0, 0}});
    this->NoteAbsent({"ann@example.com", "new@example.com", "never@example.com"});
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 221u) << "they are as old";

    this->Pass(std::chrono::milliseconds(1));
    this->NoteAbsent({"ann@example.com", "new@example.com", "never@example.com"});

    EXPECT_EQ(this->UsageOf("new@example.com"), (Usage{0, 0, 1, 1, std::nullopt}));
    EXPECT_EQ(this->Find("never@example.com"), std::nullopt);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u) << "it was measured";
    EXPECT_EQ(this->UsageOfDomain("example.com"), (Usage{500, 5, 101, 2, std::nullopt}));
    EXPECT_THAT(this->Unmeasured(), testing::ElementsAre("new@example.com"));
    EXPECT_THAT(this->Measured(), testing::ElementsAre("ann@example.com"));
    this->Reserve("m4", 1, {{"never@example.com", 0, 0}});
    EXPECT_EQ(this->FillingOf("never@example.com")->warned, std::nullopt);
}

TYPED_TEST(UsageStoreContract, ALookFromBeforeTheClockWasSetBackTakesNoReservation) {
    this->Reserve("m1", 100, {{"new@example.com", 0, 0}});
    const auto looked = this->now_ + kReservationLife;
    const std::vector<std::string> mailboxes{"new@example.com"};
    this->loop_.RunUntilDone(this->store_->NoteAbsent(mailboxes, looked, this->kGrace));
    EXPECT_EQ(this->UsageOf("new@example.com").reserved_bytes, 100u);
}

TYPED_TEST(UsageStoreContract, ARemovedMailboxLeavesNothingBehind) {
    this->Commit("ann@example.com", 500, 5);
    this->Commit("bob@example.com", 50, 1);
    this->Reserve("m1", 7, {{"ann@example.com", 0, 0}});
    this->Remove({"ann@example.com", "nobody@example.net"});

    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    EXPECT_EQ(this->UsageOfDomain("example.com"), (Usage{50, 1, 0, 0, std::nullopt}));
    this->Remove({"bob@example.com"});
    EXPECT_EQ(this->FindDomain("example.com"), std::nullopt);
    EXPECT_TRUE(this->Measured().empty());
}

TYPED_TEST(UsageStoreContract, KeepsAnyTwoNamesApart) {
    const std::vector<std::string> names{"ann@example.com",
                                         "Ann@example.com",
                                         "ann@Example.com",
                                         "ann",
                                         "ann@",
                                         "@ann",
                                         "an{n@example.com",
                                         "an%7bn@example.com",
                                         "a}:m:b@c{d",
                                         "a@b@c",
                                         "\xc3\xa4@\xff",
                                         "%",
                                         "{%}@%",
                                         "a:d@b",
                                         "r@i:1"};
    for (std::size_t i = 0; i < names.size(); ++i) this->Commit(names[i], i + 1, 1);

    for (std::size_t i = 0; i < names.size(); ++i)
        EXPECT_EQ(this->UsageOf(names[i]).bytes, i + 1) << names[i];
    EXPECT_THAT(this->Measured(), testing::UnorderedElementsAreArray(names));
}

TYPED_TEST(UsageStoreContract, AMeasurementFromBeforeTheClockWasSetBackGivesWay) {
    this->Commit("ann@example.com", 500, 5);
    this->Pass(-std::chrono::hours(1));
    this->Commit("ann@example.com", 400, 4);
    EXPECT_EQ(this->UsageOf("ann@example.com").bytes, 400u);

    this->Commit({{"ann@example.com", 300, 3, this->now_ + std::chrono::hours(1)}});
    EXPECT_EQ(this->UsageOf("ann@example.com").bytes, 400u);
}

TYPED_TEST(UsageStoreContract, AReservationFromBeforeTheClockWasSetBackIsMeasuredAllTheSame) {
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->Pass(-std::chrono::hours(1));
    this->Commit("ann@example.com", 400, 4);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
    this->Pass(this->kGrace + std::chrono::seconds(1));
    this->Commit("ann@example.com", 500, 5);

    EXPECT_EQ(this->Find("ann@example.com"), (Usage{500, 5, 0, 0, this->now_}));
}

TYPED_TEST(UsageStoreContract, AReservationIsDatedAnewHoweverOftenTheClockIsSetBack) {
    using std::chrono::milliseconds;
    const auto use_after = [this](milliseconds time) {
        this->Pass(time);
        this->Reserve("x", 1, {{"bob@example.com", 0, 0}});
    };
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->Pass(-milliseconds(500));
    this->Reserve("m2", 10, {{"ann@example.com", 0, 0}});
    use_after(-milliseconds(1000));  // m1 is dated anew, m2 lies a second ahead and stays
    use_after(-milliseconds(500));   // now it lies further ahead, and m1 half a second
    this->Pass(this->kGrace + milliseconds(501));
    this->Commit("ann@example.com", 500, 5);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
}

TYPED_TEST(UsageStoreContract, CountsFarBeyondFourBillion) {
    constexpr std::uint64_t kTerabyte = std::uint64_t{1} << 40;
    this->Commit("ann@example.com", 900 * kTerabyte, 3'000'000'000);

    EXPECT_TRUE(this->Reserve("m1", 100 * kTerabyte, {{"ann@example.com", 1000 * kTerabyte, 0}})
                    .IsGranted());
    EXPECT_FALSE(this->Reserve("m2", 1, {{"ann@example.com", 1000 * kTerabyte, 0}}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100 * kTerabyte);
    EXPECT_EQ(this->UsageOf("ann@example.com").messages, 3'000'000'000u);
}

TYPED_TEST(UsageStoreContract, TakesManyMeasurementsAtOnce) {
    std::vector<Measurement> measurements;
    std::vector<std::string> names;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        names.push_back("user" + std::to_string(i) + "@d" + std::to_string(i % 7));
        measurements.push_back({names.back(), i, 1, this->now_});
    }
    this->Commit(measurements);

    EXPECT_EQ(this->Measured().size(), 1000u);
    EXPECT_EQ(this->UsageOf("user999@d5").bytes, 999u);
    this->Remove(names);
    EXPECT_TRUE(this->Measured().empty());
}

TYPED_TEST(UsageStoreContract, IsSharedByAllWhoOpenIt) {
    const std::unique_ptr<UsageStore> other = this->OpenAnother();
    this->Reserve("m1", 600, {{"ann@example.com", 1000, 0}});

    const Reservation same{"m1", 600, {{"ann@example.com", 1000, 0}}};
    const Reservation another{"m2", 401, {{"ann@example.com", 1000, 0}}};
    EXPECT_TRUE(this->loop_.RunUntilDone(other->Reserve(same)).IsGranted());
    EXPECT_FALSE(this->loop_.RunUntilDone(other->Reserve(another)).IsGranted());
}

TYPED_TEST(UsageStoreContract, TellsTheTimeOfItsClock) {
    EXPECT_EQ(this->loop_.RunUntilDone(this->store_->Now()), this->now_);
}

}  // namespace
}  // namespace policyd::usage
