#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::usage {

/// A store under test, its clock in the hands of the test.
///
/// A kind of store is a struct with `static constexpr const char* kName` and
/// `std::unique_ptr<UsageStore> Open(async::EventLoop&, text::WallClock)`, whose stores all share
/// one set of data.
template <typename Kind>
class UsageStoreContract : public testing::Test {
protected:
    using Names = std::vector<std::string>;

    static constexpr std::chrono::milliseconds kGrace = kReservationGrace;

    UsageStoreContract() : store_(OpenAnother()) {}

    std::unique_ptr<UsageStore> OpenAnother() {
        return kind_.Open(loop_, [this] { return now_; });
    }

    void Pass(std::chrono::milliseconds time) { now_ += time; }

    Reserved Reserve(const Reservation& reservation) {
        return loop_.RunUntilDone(store_->Reserve(reservation));
    }
    Reserved Reserve(const std::string& id, std::uint64_t bytes, std::vector<Limit> limits,
                     bool settled = false) {
        Reservation reservation;
        reservation.id = id;
        reservation.bytes = bytes;
        reservation.limits = std::move(limits);
        reservation.settled = settled;
        return Reserve(reservation);
    }
    Reserved Settle(const std::string& id, std::uint64_t bytes, std::vector<Limit> limits) {
        return Reserve(id, bytes, std::move(limits), true);
    }
    void Release(const std::string& id, const Names& mailboxes,
                 Unreserve what = Unreserve::kWhatIsUnsettled) {
        loop_.RunUntilDone(store_->Release(id, mailboxes, what));
    }
    std::optional<Filling> FillingOf(const std::string& mailbox) {
        return loop_.RunUntilDone(store_->FindFilling(mailbox));
    }
    bool NoteWarned(const std::string& mailbox, std::optional<std::uint64_t> from,
                    std::uint64_t to) {
        return loop_.RunUntilDone(store_->NoteWarned(mailbox, from, to));
    }
    Names TakeChanged() { return loop_.RunUntilDone(store_->TakeChanged(100)); }
    std::vector<std::chrono::milliseconds> NoteFull(const Names& mailboxes) {
        return loop_.RunUntilDone(store_->NoteFull(mailboxes, std::chrono::hours(24)));
    }
    void Commit(const std::vector<Measurement>& measurements) {
        loop_.RunUntilDone(store_->Commit(measurements, kGrace));
    }
    void Commit(const std::string& mailbox, std::uint64_t bytes, std::uint64_t messages) {
        Commit({{mailbox, bytes, messages, now_}});
    }
    void Remove(const Names& mailboxes) { loop_.RunUntilDone(store_->Remove(mailboxes)); }
    std::optional<Usage> Find(const std::string& mailbox) {
        return loop_.RunUntilDone(store_->Find(mailbox));
    }
    std::optional<Usage> FindDomain(const std::string& domain) {
        return loop_.RunUntilDone(store_->FindDomain(domain));
    }
    Usage UsageOf(const std::string& mailbox) { return Find(mailbox).value_or(Usage()); }
    Usage UsageOfDomain(const std::string& domain) { return FindDomain(domain).value_or(Usage()); }
    Names Measured() { return loop_.RunUntilDone(store_->MeasuredMailboxes()); }

    Names Unmeasured() { return loop_.RunUntilDone(store_->UnmeasuredMailboxes()); }
    void NoteAbsent(const Names& mailboxes) {
        loop_.RunUntilDone(store_->NoteAbsent(mailboxes, now_, kGrace));
    }

    async::EventLoop loop_;
    Kind kind_;
    text::WallTime now_{std::chrono::milliseconds(1'800'000'000'000)};
    std::unique_ptr<UsageStore> store_;
};

TYPED_TEST_SUITE_P(UsageStoreContract);

TYPED_TEST_P(UsageStoreContract, KnowsNothingOfAMailboxThatWasNeverNamed) {
    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    EXPECT_EQ(this->FindDomain("example.com"), std::nullopt);
    EXPECT_TRUE(this->Measured().empty());
}

TYPED_TEST_P(UsageStoreContract, KeepsWhatWasMeasured) {
    this->Commit("ann@example.com", 1000, 3);

    const Usage expected{1000, 3, 0, 0, this->now_};
    EXPECT_EQ(this->Find("ann@example.com"), expected);
    EXPECT_THAT(this->Measured(), testing::ElementsAre("ann@example.com"));
}

TYPED_TEST_P(UsageStoreContract, ReservesUpToTheLimitAndNotAByteMore) {
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

TYPED_TEST_P(UsageStoreContract, AnEmptyMessageNeedsOneByte) {
    this->Commit("ann@example.com", 1000, 1);

    EXPECT_FALSE(this->Reserve("m1", 0, {{"ann@example.com", 1000, 0}}).IsGranted());
    EXPECT_TRUE(this->Reserve("m1", 0, {{"ann@example.com", 1001, 0}}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_messages, 1u);
}

TYPED_TEST_P(UsageStoreContract, LimitsTheNumberOfMessagesAsWell) {
    this->Commit("ann@example.com", 10, 4);

    EXPECT_TRUE(this->Reserve("m1", 1, {{"ann@example.com", 0, 5}}).IsGranted());
    EXPECT_FALSE(this->Reserve("m2", 1, {{"ann@example.com", 0, 5}}).IsGranted());
}

TYPED_TEST_P(UsageStoreContract, ReservesInEveryMailboxOrInNone) {
    this->Commit("full@example.com", 100, 1);

    const Reserved refused =
        this->Reserve("m1", 10, {{"ann@example.com", 1000, 0}, {"full@example.com", 100, 0}});
    EXPECT_THAT(refused.full, testing::ElementsAre(1));
    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    EXPECT_EQ(this->UsageOf("full@example.com").reserved_bytes, 0u);
}

TYPED_TEST_P(UsageStoreContract, ReservesInMailboxesOfSeveralDomainsOrInNone) {
    this->Commit("full@example.net", 100, 1);
    this->Reserve("m1", 7, {{"zoe@example.org", 1000, 0}});

    const Reserved refused = this->Reserve(
        "m1", 10,
        {{"zoe@example.org", 1000, 0}, {"full@example.net", 100, 0}, {"ann@example.com", 99, 0}});
    EXPECT_THAT(refused.full, testing::ElementsAre(1));
    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    EXPECT_EQ(this->UsageOf("zoe@example.org").reserved_bytes, 7u);
    EXPECT_EQ(this->UsageOf("zoe@example.org").reserved_messages, 1u);
}

TYPED_TEST_P(UsageStoreContract, WhatAnotherDomainRefusesStaysAsOldAsItWas) {
    this->Settle("m1", 10, {{"zoe@example.net", 0, 0}});
    this->Commit("zoe@example.net", 500, 5);
    this->Commit("full@example.org", 100, 1);
    const std::optional<Filling> before = this->FillingOf("zoe@example.net");
    EXPECT_EQ(before, (Filling{510, std::nullopt, 6, 510, 6}));

    this->Pass(-std::chrono::milliseconds(500));
    this->Reserve("m1", 20, {{"full@example.org", 100, 0}, {"zoe@example.net", 0, 0}});
    EXPECT_EQ(this->FillingOf("zoe@example.net"), before);
}

TYPED_TEST_P(UsageStoreContract, ChargesOneMessageOnceHoweverOftenItAsks) {
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(this->Reserve("m1", 600, {{"ann@example.com", 1000, 0}}).IsGranted());

    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 600u);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_messages, 1u);
}

TYPED_TEST_P(UsageStoreContract, AdjustsAMessageToItsRealSize) {
    this->Reserve("m1", 600, {{"ann@example.com", 1000, 0}});

    EXPECT_TRUE(this->Reserve("m1", 1000, {{"ann@example.com", 1000, 0}}).IsGranted());
    EXPECT_FALSE(this->Reserve("m1", 1001, {{"ann@example.com", 1000, 0}}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 1000u);
    EXPECT_TRUE(this->Reserve("m1", 200, {{"ann@example.com", 1000, 0}}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 200u);
}

TYPED_TEST_P(UsageStoreContract, ChargesEveryCopy) {
    Limit twice{"ann@example.com", 1000, 0};
    twice.copies = 2;

    EXPECT_FALSE(this->Reserve("m1", 501, {twice}).IsGranted());
    EXPECT_TRUE(this->Reserve("m1", 500, {twice}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 1000u);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_messages, 2u);
}

TYPED_TEST_P(UsageStoreContract, ReservesWhereThereIsNoRoomWhenForced) {
    Reservation reservation{"m1", 500, {{"ann@example.com", 100, 0}}, {}, Needs::kNoRoom};

    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 500u);
}

TYPED_TEST_P(UsageStoreContract, ReservesInAThousandMailboxesOfTwoDomains) {
    std::vector<Limit> limits{{"zoe@example.org", 100, 0}};
    for (int i = 0; i < 2000; ++i)
        limits.push_back({"user" + std::to_string(i) + "@example.com", 100, 0});
    const Reserved granted = this->Reserve("m1", 100, limits);
    EXPECT_TRUE(granted.IsGranted());
    EXPECT_EQ(granted.usage.size(), limits.size());
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 200'000u);
    const Reserved refused = this->Reserve("m2", 1, limits);
    EXPECT_EQ(refused.full.size(), limits.size());
    EXPECT_EQ(refused.usage.back().reserved_bytes, 100u);
}

TYPED_TEST_P(UsageStoreContract, WhatAnotherDomainRefusesEndsNoFullness) {
    const std::vector<std::string> ann{"ann@example.com"};
    this->Commit("zoe@example.org", 100, 1);
    this->NoteFull(ann);
    this->Pass(std::chrono::milliseconds(700));
    Reservation reservation;
    reservation.id = "m1";
    reservation.bytes = 10;
    reservation.limits = {{"ann@example.com", 1000, 0}, {"zoe@example.org", 100, 0}};
    reservation.ends_fullness = true;
    EXPECT_FALSE(this->Reserve(reservation).IsGranted());
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(std::chrono::milliseconds(700)));
    reservation.limits[1].bytes = 1000;
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(std::chrono::milliseconds(0)));
}

TYPED_TEST_P(UsageStoreContract, OneMailboxWithRoomIsEnoughWhereThatIsTheRule) {
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

TYPED_TEST_P(UsageStoreContract, AFullMailboxStaysFullWhereOneWithRoomIsEnough) {
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

TYPED_TEST_P(UsageStoreContract, AnEmptyMessageNeedsOneByteOfItsDomainToo) {
    this->Commit("ann@example.com", 100, 1);
    Reservation reservation{"m1", 0, {{"ann@example.com", 0, 0}}};
    reservation.domain_limits = {{"example.com", 100, 0}};
    EXPECT_FALSE(this->Reserve(reservation).IsGranted());
    reservation.domain_limits = {{"example.com", 101, 0}};
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
}

TYPED_TEST_P(UsageStoreContract, WhatAMessageHoldsInOneDomainIsNotTakenOffAnother) {
    this->Reserve("m0", 100, {{"ann@example.com", 0, 0}});
    Reservation reservation{"m1", 60, {{"ann@example.com", 0, 0}, {"zoe@example.org", 0, 0}}};
    reservation.domain_limits = {{"example.com", 200, 0}};
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    reservation.bytes = 101;
    EXPECT_FALSE(this->Reserve(reservation).IsGranted());
    reservation.bytes = 100;
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
}

TYPED_TEST_P(UsageStoreContract, EveryCopyCountsInItsDomain) {
    Reservation reservation{"m1", 60, {{"ann@example.com", 0, 0, 2}}};
    for (const auto& [bytes, messages] : {std::pair(119, 0), std::pair(0, 1)}) {
        reservation.domain_limits = {{"example.com", static_cast<std::uint64_t>(bytes),
                                      static_cast<std::uint64_t>(messages)}};
        EXPECT_FALSE(this->Reserve(reservation).IsGranted());
    }
    reservation.domain_limits = {{"example.com", 120, 2}};
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
}

TYPED_TEST_P(UsageStoreContract, WhatIsSettledFitsIntoItsDomainWhateverIsAskedAgain) {
    this->Settle("m1", 100, {{"ann@example.com", 0, 0}});
    Reservation again{"m1", 200, {{"ann@example.com", 0, 0, 2}}};
    again.domain_limits = {{"example.com", 100, 1}};
    EXPECT_TRUE(this->Reserve(again).IsGranted());
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 100u);
}

TYPED_TEST_P(UsageStoreContract, AMailboxStaysFullByItsDomainWhereOneInAnotherHasRoom) {
    using std::chrono::milliseconds;
    this->Commit("full@example.com", 100, 1);
    this->NoteFull({"full@example.com", "ann@example.org"});
    this->Pass(milliseconds(700));
    Reservation reservation{"m1", 10, {{"full@example.com", 0, 0}, {"ann@example.org", 0, 0}}};
    reservation.domain_limits = {{"example.com", 100, 0}};
    reservation.needs = Needs::kRoomInAny;
    reservation.ends_fullness = true;
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    EXPECT_THAT(this->NoteFull({"full@example.com", "ann@example.org"}),
                testing::ElementsAre(milliseconds(700), milliseconds(0)));
}

TYPED_TEST_P(UsageStoreContract, AMeasurementFromTheFutureIsOfNowAndTakesNothingThatIsReserved) {
    this->Reserve("m1", 50, {{"ann@example.com", 0, 0}});
    this->Commit({{"ann@example.com", 10, 1, this->now_ + std::chrono::hours(2)}});
    EXPECT_EQ(this->UsageOf("ann@example.com").bytes, 10u);
    EXPECT_EQ(this->UsageOf("ann@example.com").measured_at, this->now_);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 50u);
}

TYPED_TEST_P(UsageStoreContract, AMailboxThatWasRemovedHasNotBeenFull) {
    const std::vector<std::string> ann{"ann@example.com"};
    this->Commit("ann@example.com", 10, 1);
    this->NoteFull(ann);
    this->Pass(std::chrono::milliseconds(700));
    this->Remove(ann);
    EXPECT_THAT(this->NoteFull(ann), testing::ElementsAre(std::chrono::milliseconds(0)));
}

TYPED_TEST_P(UsageStoreContract, AMailboxHasChangedAlsoWhereItHoldsAsManyMessagesAsBefore) {
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

TYPED_TEST_P(UsageStoreContract, WhatIsToldLateIsGoneByItsOwnAge) {
    this->Reserve("m1", 1, {{"ann@example.com", 0, 0}});
    Reservation late{"m2", 10, {{"ann@example.com", 0, 0}}};
    late.age = std::chrono::hours(2);
    this->Reserve(late);
    this->Pass(kReservationLife - std::chrono::hours(1));
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 1u);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 1u);
}

TYPED_TEST_P(UsageStoreContract, TheMailboxWithRoomMayBeInAnotherDomain) {
    this->Commit("full@example.com", 100, 1);
    this->Commit("full@example.net", 100, 1);
    Reservation reservation{
        "m1",
        10,
        {{"full@example.com", 100, 0}, {"ann@example.org", 15, 0}, {"full@example.net", 100, 0}}};
    reservation.needs = Needs::kRoomInAny;

    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    for (const char* const name : {"full@example.com", "ann@example.org", "full@example.net"})
        EXPECT_EQ(this->UsageOf(name).reserved_bytes, 10u) << name;
    reservation.id = "m2";
    EXPECT_THAT(this->Reserve(reservation).full, testing::ElementsAre(0, 1, 2));
    EXPECT_EQ(this->UsageOf("ann@example.org").reserved_bytes, 10u);
}

TYPED_TEST_P(UsageStoreContract, AFullDomainHasNoRoomInAnyOfItsMailboxes) {
    this->Commit("full@example.com", 100, 1);
    Reservation reservation{"m1", 10, {{"ann@example.com", 0, 0}, {"bob@example.com", 0, 0}}};
    reservation.domain_limits = {{"example.com", 105, 0}};
    reservation.needs = Needs::kRoomInAny;

    EXPECT_THAT(this->Reserve(reservation).full_domains, testing::ElementsAre(0));
    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
}

TYPED_TEST_P(UsageStoreContract, WhatIsSettledStaysWhenWhatIsUnsettledIsGivenBack) {
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

TYPED_TEST_P(UsageStoreContract, AnUnsettledSizeThatComesLateChangesNothing) {
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

TYPED_TEST_P(UsageStoreContract, WhatIsToldLateIsAsOldAsItIs) {
    Reservation reservation{"m1", 100, {{"ann@example.com", 0, 0}}};
    reservation.age = this->kGrace + std::chrono::seconds(1);
    this->Reserve(reservation);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
    this->Commit("ann@example.com", 500, 1);

    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
}

TYPED_TEST_P(UsageStoreContract, WhatIsToldLateAndHasBeenMeasuredIsNotChargedAgain) {
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

TYPED_TEST_P(UsageStoreContract, GivesBackWhatAMessageHolds) {
    this->Commit("ann@example.com", 10, 1);
    this->Reserve("m1", 60, {{"ann@example.com", 0, 0}, {"bob@example.com", 0, 0}});

    for (int i = 0; i < 2; ++i) this->Release("m1", {"ann@example.com", "bob@example.com"});

    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_messages, 0u);
    EXPECT_EQ(this->Find("bob@example.com"), std::nullopt);
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 0u);
}

TYPED_TEST_P(UsageStoreContract, AMeasurementTakesTheReservationsThatAreInIt) {
    this->Reserve("old", 100, {{"ann@example.com", 0, 0}});
    this->Pass(this->kGrace);
    this->Reserve("young", 10, {{"ann@example.com", 0, 0}});
    this->Pass(std::chrono::milliseconds(1));
    this->Commit("ann@example.com", 500, 2);

    const Usage expected{500, 2, 10, 1, this->now_};
    EXPECT_EQ(this->Find("ann@example.com"), expected);
}

TYPED_TEST_P(UsageStoreContract, AReservationAsOldAsTheGraceStays) {
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->Pass(this->kGrace);
    this->Commit("ann@example.com", 500, 2);

    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
}

TYPED_TEST_P(UsageStoreContract, ASettledMessageIsAsYoungAsItsEnd) {
    for (int end = 0; end < 2; ++end) {
        this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
        this->Pass(this->kGrace);
        this->Settle("m1", 120, {{"ann@example.com", 0, 0}});
        this->Pass(std::chrono::seconds(1));
        this->Commit("ann@example.com", 500, 2);

        EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 120u);
    }
}

TYPED_TEST_P(UsageStoreContract, AMessageThatIsAskedAboutAgainIsAsOldAsBefore) {
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

TYPED_TEST_P(UsageStoreContract, WhatAnotherDomainRefusesToAdjustStaysAsOldAsItWas) {
    this->Commit("full@example.org", 100, 1);
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->Pass(this->kGrace);
    this->Reserve("m1", 120, {{"ann@example.com", 0, 0}, {"full@example.org", 100, 0}});
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
    this->Pass(std::chrono::seconds(1));
    this->Commit("ann@example.com", 500, 2);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
}

TYPED_TEST_P(UsageStoreContract, AMessageThatIsAskedAboutAgainExpiresWithItsFirstRequest) {
    this->Commit("ann@example.com", 500, 2);
    for (int i = 0; i < 3; ++i) {
        this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
        this->Pass(std::chrono::hours(9));
    }
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 0u);
}

TYPED_TEST_P(UsageStoreContract, IgnoresLateAndRepeatedMeasurements) {
    const text::WallTime early = this->now_ - std::chrono::seconds(10);
    this->Commit("ann@example.com", 500, 5);
    this->Commit({{"ann@example.com", 400, 4, early}});
    this->Commit({{"ann@example.com", 600, 6, this->now_}});

    EXPECT_EQ(this->UsageOf("ann@example.com").bytes, 500u);
    EXPECT_EQ(this->UsageOf("ann@example.com").messages, 5u);
    EXPECT_EQ(this->UsageOfDomain("example.com").bytes, 500u);
}

TYPED_TEST_P(UsageStoreContract, AReservationThatNobodyMeasuresExpires) {
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->Pass(kReservationLife);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
    this->Pass(std::chrono::milliseconds(1));

    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    EXPECT_EQ(this->FindDomain("example.com"), std::nullopt);
}

TYPED_TEST_P(UsageStoreContract, ListingMailboxesDropsWhatExpiredWhereNobodyAsks) {
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->NoteWarned("ann@example.com", std::nullopt, 80);
    this->Pass(kReservationLife + std::chrono::seconds(1));
    EXPECT_TRUE(this->Measured().empty());
    this->Pass(-kReservationLife);

    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
    this->Reserve("m2", 100, {{"ann@example.com", 0, 0}});
    EXPECT_EQ(this->FillingOf("ann@example.com")->warned, std::nullopt);
}

TYPED_TEST_P(UsageStoreContract, NamesMailboxesThatHoldReservationsAndWereNeverMeasured) {
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

TYPED_TEST_P(UsageStoreContract, NamesAllOfManyMailboxesThatHoldReservations) {
    std::vector<Limit> limits;
    for (int i = 0; i < 2500; ++i) limits.push_back({std::to_string(i) + "@example.com", 0, 0});
    this->Reserve("m1", 1, limits);
    EXPECT_EQ(this->Unmeasured().size(), 2500u);
}

TYPED_TEST_P(UsageStoreContract, OfAMailboxThatIsNotThereReservationsOlderThanTheGraceGo) {
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

TYPED_TEST_P(UsageStoreContract, ALookFromBeforeTheClockWasSetBackTakesNoReservation) {
    this->Reserve("m1", 100, {{"new@example.com", 0, 0}});
    const auto looked = this->now_ + kReservationLife;
    const std::vector<std::string> mailboxes{"new@example.com"};
    this->loop_.RunUntilDone(this->store_->NoteAbsent(mailboxes, looked, this->kGrace));
    EXPECT_EQ(this->UsageOf("new@example.com").reserved_bytes, 100u);
}

TYPED_TEST_P(UsageStoreContract, ARemovedMailboxLeavesNothingBehind) {
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

TYPED_TEST_P(UsageStoreContract, ADomainIsTheSumOfItsMailboxes) {
    this->Commit("ann@example.com", 500, 5);
    this->Commit("bob@example.com", 50, 1);
    this->Commit("eve@sub.example.com", 9999, 1);
    this->Reserve("m1", 7, {{"ann@example.com", 0, 0}, {"new@example.com", 0, 0}});
    EXPECT_EQ(this->UsageOfDomain("example.com"), (Usage{550, 6, 14, 2, std::nullopt}));

    this->Pass(this->kGrace + std::chrono::milliseconds(1));
    this->Commit("ann@example.com", 400, 4);
    EXPECT_EQ(this->UsageOfDomain("example.com"), (Usage{450, 5, 7, 1, std::nullopt}));
    this->Release("m1", {"new@example.com"});
    EXPECT_EQ(this->UsageOfDomain("example.com"), (Usage{450, 5, 0, 0, std::nullopt}));
}

TYPED_TEST_P(UsageStoreContract, MailboxesOfADomainShareItsLimit) {
    this->Commit("ann@example.com", 500, 5);
    Reservation reservation;
    reservation.id = "m1";
    reservation.bytes = 200;
    reservation.limits = {{"ann@example.com", 0, 0}, {"bob@example.com", 0, 0}};
    reservation.domain_limits = {{"example.com", 899, 0}};

    const Reserved refused = this->Reserve(reservation);
    EXPECT_TRUE(refused.full.empty());
    EXPECT_THAT(refused.full_domains, testing::ElementsAre(0));
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 0u);

    reservation.domain_limits = {{"example.com", 900, 0}};
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    const Reserved again = this->Reserve(reservation);
    EXPECT_TRUE(again.IsGranted());
    EXPECT_EQ(again.domain_usage.at(0), (Usage{500, 5, 0, 0, std::nullopt}));
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 400u);

    EXPECT_FALSE(this->Reserve({"m2", 1, {{"bob@example.com", 0, 0}}, {{"example.com", 900, 0}}})
                     .IsGranted());
}

TYPED_TEST_P(UsageStoreContract, ADomainAndItsCatchAllMailboxAreTwoThings) {
    this->Commit("@example.com", 10, 1);
    this->Commit("ann@example.com", 500, 5);

    EXPECT_EQ(this->UsageOf("@example.com").bytes, 10u);
    EXPECT_EQ(this->UsageOfDomain("example.com").bytes, 510u);
    EXPECT_EQ(this->Find("example.com"), std::nullopt);
}

TYPED_TEST_P(UsageStoreContract, KeepsAnyTwoNamesApart) {
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

TYPED_TEST_P(UsageStoreContract, AMeasurementFromBeforeTheClockWasSetBackGivesWay) {
    this->Commit("ann@example.com", 500, 5);
    this->Pass(-std::chrono::hours(1));
    this->Commit("ann@example.com", 400, 4);
    EXPECT_EQ(this->UsageOf("ann@example.com").bytes, 400u);

    this->Commit({{"ann@example.com", 300, 3, this->now_ + std::chrono::hours(1)}});
    EXPECT_EQ(this->UsageOf("ann@example.com").bytes, 400u);
}

TYPED_TEST_P(UsageStoreContract, AReservationFromBeforeTheClockWasSetBackIsMeasuredAllTheSame) {
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->Pass(-std::chrono::hours(1));
    this->Commit("ann@example.com", 400, 4);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
    this->Pass(this->kGrace + std::chrono::seconds(1));
    this->Commit("ann@example.com", 500, 5);

    EXPECT_EQ(this->Find("ann@example.com"), (Usage{500, 5, 0, 0, this->now_}));
}

TYPED_TEST_P(UsageStoreContract, AReservationIsDatedAnewHoweverOftenTheClockIsSetBack) {
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

TYPED_TEST_P(UsageStoreContract, CountsFarBeyondFourBillion) {
    constexpr std::uint64_t kTerabyte = std::uint64_t{1} << 40;
    this->Commit("ann@example.com", 900 * kTerabyte, 3'000'000'000);

    EXPECT_TRUE(this->Reserve("m1", 100 * kTerabyte, {{"ann@example.com", 1000 * kTerabyte, 0}})
                    .IsGranted());
    EXPECT_FALSE(this->Reserve("m2", 1, {{"ann@example.com", 1000 * kTerabyte, 0}}).IsGranted());
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100 * kTerabyte);
    EXPECT_EQ(this->UsageOf("ann@example.com").messages, 3'000'000'000u);
}

TYPED_TEST_P(UsageStoreContract, TakesManyMeasurementsAtOnce) {
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

TYPED_TEST_P(UsageStoreContract, IsSharedByAllWhoOpenIt) {
    const std::unique_ptr<UsageStore> other = this->OpenAnother();
    this->Reserve("m1", 600, {{"ann@example.com", 1000, 0}});

    const Reservation same{"m1", 600, {{"ann@example.com", 1000, 0}}};
    const Reservation another{"m2", 401, {{"ann@example.com", 1000, 0}}};
    EXPECT_TRUE(this->loop_.RunUntilDone(other->Reserve(same)).IsGranted());
    EXPECT_FALSE(this->loop_.RunUntilDone(other->Reserve(another)).IsGranted());
}

TYPED_TEST_P(UsageStoreContract, KnowsHowMuchAllMailboxesHold) {
    EXPECT_EQ(this->loop_.RunUntilDone(this->store_->FindSite()), Usage());
    this->Commit("ann@example.com", 500, 5);
    this->Commit("d@example.net", 50, 1);
    this->Reserve("m1", 7, {{"ann@example.com", 0, 0}});

    EXPECT_EQ(this->loop_.RunUntilDone(this->store_->FindSite()),
              (Usage{550, 6, 7, 1, std::nullopt}));
}

TYPED_TEST_P(UsageStoreContract, KnowsForHowLongMailboxesHaveBeenFull) {
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

TYPED_TEST_P(UsageStoreContract, KnowsHowFullAMailboxIsByWhatIsSettled) {
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

TYPED_TEST_P(UsageStoreContract, WhatIsReservedWhileAMailboxIsMeasuredMayBeInTheMeasurement) {
    const text::WallTime began = this->now_;
    this->Pass(std::chrono::seconds(1));
    this->Reserve("m1", 10, {{"ann@example.com", 0, 0}});
    this->Pass(std::chrono::seconds(1));
    this->Commit({{"ann@example.com", 10, 1, began}});
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 10u);
    EXPECT_EQ(this->FillingOf("ann@example.com"), (Filling{10, std::nullopt, 1, 20, 2}));
}

TYPED_TEST_P(UsageStoreContract, OneOfAllWhoSeeACrossingWarnsOfIt) {
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

TYPED_TEST_P(UsageStoreContract, TellsOneOfAllWhichMailboxesChanged) {
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

TYPED_TEST_P(UsageStoreContract, AMailboxThatWasWarnedOfIsLookedAtUntilNothingIsReservedThere) {
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

TYPED_TEST_P(UsageStoreContract, MendsNoDomainWhereNothingWasLost) {
    for (const std::string name : {"ann@example.com", "bob@example.com", "@example.com", "x", ""})
        this->Commit({{name, 10, 1, this->now_}});
    this->Reserve("m1", 5, {{"ann@example.com", 0, 0}, {"a}:d@{c}", 0, 0}});
    EXPECT_THAT(this->loop_.RunUntilDone(this->store_->MendDomains()), testing::IsEmpty());
    const auto domain = this->loop_.RunUntilDone(this->store_->FindDomain("example.com"));
    EXPECT_EQ(domain->bytes, 30u);
    EXPECT_EQ(domain->reserved_bytes, 5u);
}

TYPED_TEST_P(UsageStoreContract, TellsTheTimeOfItsClock) {
    EXPECT_EQ(this->loop_.RunUntilDone(this->store_->Now()), this->now_);
}

REGISTER_TYPED_TEST_SUITE_P(
    UsageStoreContract, AReservationIsDatedAnewHoweverOftenTheClockIsSetBack,
    AMailboxThatWasRemovedHasNotBeenFull, AMailboxHasChangedAlsoWhereItHoldsAsManyMessagesAsBefore,
    AMeasurementFromTheFutureIsOfNowAndTakesNothingThatIsReserved, EveryCopyCountsInItsDomain,
    WhatIsSettledFitsIntoItsDomainWhateverIsAskedAgain,
    AMailboxStaysFullByItsDomainWhereOneInAnotherHasRoom,
    WhatAMessageHoldsInOneDomainIsNotTakenOffAnother, AFullMailboxStaysFullWhereOneWithRoomIsEnough,
    AnEmptyMessageNeedsOneByteOfItsDomainToo, WhatIsToldLateIsGoneByItsOwnAge,
    KnowsNothingOfAMailboxThatWasNeverNamed, KeepsWhatWasMeasured,
    ReservesUpToTheLimitAndNotAByteMore, AnEmptyMessageNeedsOneByte,
    LimitsTheNumberOfMessagesAsWell, ReservesInEveryMailboxOrInNone,
    ReservesInMailboxesOfSeveralDomainsOrInNone, WhatAnotherDomainRefusesStaysAsOldAsItWas,
    ChargesOneMessageOnceHoweverOftenItAsks, AdjustsAMessageToItsRealSize, ChargesEveryCopy,
    ReservesWhereThereIsNoRoomWhenForced, GivesBackWhatAMessageHolds,
    AMeasurementTakesTheReservationsThatAreInIt, AReservationAsOldAsTheGraceStays,
    ASettledMessageIsAsYoungAsItsEnd, AMessageThatIsAskedAboutAgainIsAsOldAsBefore,
    WhatAnotherDomainRefusesToAdjustStaysAsOldAsItWas,
    AMessageThatIsAskedAboutAgainExpiresWithItsFirstRequest, IgnoresLateAndRepeatedMeasurements,
    AReservationThatNobodyMeasuresExpires, ListingMailboxesDropsWhatExpiredWhereNobodyAsks,
    NamesMailboxesThatHoldReservationsAndWereNeverMeasured,
    NamesAllOfManyMailboxesThatHoldReservations,
    OfAMailboxThatIsNotThereReservationsOlderThanTheGraceGo,
    ALookFromBeforeTheClockWasSetBackTakesNoReservation, ARemovedMailboxLeavesNothingBehind,
    ADomainIsTheSumOfItsMailboxes, MailboxesOfADomainShareItsLimit,
    ADomainAndItsCatchAllMailboxAreTwoThings, KeepsAnyTwoNamesApart,
    AMeasurementFromBeforeTheClockWasSetBackGivesWay,
    AReservationFromBeforeTheClockWasSetBackIsMeasuredAllTheSame, CountsFarBeyondFourBillion,
    TakesManyMeasurementsAtOnce, IsSharedByAllWhoOpenIt, TellsTheTimeOfItsClock,
    OneMailboxWithRoomIsEnoughWhereThatIsTheRule, TheMailboxWithRoomMayBeInAnotherDomain,
    AFullDomainHasNoRoomInAnyOfItsMailboxes, WhatIsSettledStaysWhenWhatIsUnsettledIsGivenBack,
    AnUnsettledSizeThatComesLateChangesNothing, WhatIsToldLateIsAsOldAsItIs,
    WhatIsToldLateAndHasBeenMeasuredIsNotChargedAgain, KnowsHowMuchAllMailboxesHold,
    KnowsForHowLongMailboxesHaveBeenFull, KnowsHowFullAMailboxIsByWhatIsSettled,
    WhatIsReservedWhileAMailboxIsMeasuredMayBeInTheMeasurement, OneOfAllWhoSeeACrossingWarnsOfIt,
    TellsOneOfAllWhichMailboxesChanged,
    AMailboxThatWasWarnedOfIsLookedAtUntilNothingIsReservedThere,
    ReservesInAThousandMailboxesOfTwoDomains, WhatAnotherDomainRefusesEndsNoFullness,
    MendsNoDomainWhereNothingWasLost);

}  // namespace policyd::usage
