// What domains come to, and their limits.

#include "tests/contract/usage_store_contract.hpp"

namespace policyd::usage {
namespace {

TYPED_TEST(UsageStoreContract, ReservesInMailboxesOfSeveralDomainsOrInNone) {
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

TYPED_TEST(UsageStoreContract, WhatAnotherDomainRefusesStaysAsOldAsItWas) {
    this->Settle("m1", 10, {{"zoe@example.net", 0, 0}});
    this->Commit("zoe@example.net", 500, 5);
    this->Commit("full@example.org", 100, 1);
    const std::optional<Filling> before = this->FillingOf("zoe@example.net");
    EXPECT_EQ(before, (Filling{510, std::nullopt, 6, 510, 6}));

    this->Pass(-std::chrono::milliseconds(500));
    this->Reserve("m1", 20, {{"full@example.org", 100, 0}, {"zoe@example.net", 0, 0}});
    EXPECT_EQ(this->FillingOf("zoe@example.net"), before);
}

TYPED_TEST(UsageStoreContract, ReservesInAThousandMailboxesOfTwoDomains) {
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

TYPED_TEST(UsageStoreContract, WhatAnotherDomainRefusesEndsNoFullness) {
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

TYPED_TEST(UsageStoreContract, AnEmptyMessageNeedsOneByteOfItsDomainToo) {
    this->Commit("ann@example.com", 100, 1);
    Reservation reservation{"m1", 0, {{"ann@example.com", 0, 0}}};
    reservation.domain_limits = {{"example.com", 100, 0}};
    EXPECT_FALSE(this->Reserve(reservation).IsGranted());
    reservation.domain_limits = {{"example.com", 101, 0}};
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
}

TYPED_TEST(UsageStoreContract, WhatAMessageHoldsInOneDomainIsNotTakenOffAnother) {
    this->Reserve("m0", 100, {{"ann@example.com", 0, 0}});
    Reservation reservation{"m1", 60, {{"ann@example.com", 0, 0}, {"zoe@example.org", 0, 0}}};
    reservation.domain_limits = {{"example.com", 200, 0}};
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
    reservation.bytes = 101;
    EXPECT_FALSE(this->Reserve(reservation).IsGranted());
    reservation.bytes = 100;
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
}

TYPED_TEST(UsageStoreContract, EveryCopyCountsInItsDomain) {
    Reservation reservation{"m1", 60, {{"ann@example.com", 0, 0, 2}}};
    for (const auto& [bytes, messages] : {std::pair(119, 0), std::pair(0, 1)}) {
        reservation.domain_limits = {{"example.com", static_cast<std::uint64_t>(bytes),
                                      static_cast<std::uint64_t>(messages)}};
        EXPECT_FALSE(this->Reserve(reservation).IsGranted());
    }
    reservation.domain_limits = {{"example.com", 120, 2}};
    EXPECT_TRUE(this->Reserve(reservation).IsGranted());
}

TYPED_TEST(UsageStoreContract, WhatIsSettledFitsIntoItsDomainWhateverIsAskedAgain) {
    this->Settle("m1", 100, {{"ann@example.com", 0, 0}});
    Reservation again{"m1", 200, {{"ann@example.com", 0, 0, 2}}};
    again.domain_limits = {{"example.com", 100, 1}};
    EXPECT_TRUE(this->Reserve(again).IsGranted());
    EXPECT_EQ(this->UsageOfDomain("example.com").reserved_bytes, 100u);
}

TYPED_TEST(UsageStoreContract, AMailboxStaysFullByItsDomainWhereOneInAnotherHasRoom) {
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

TYPED_TEST(UsageStoreContract, TheMailboxWithRoomMayBeInAnotherDomain) {
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

TYPED_TEST(UsageStoreContract, AFullDomainHasNoRoomInAnyOfItsMailboxes) {
    this->Commit("full@example.com", 100, 1);
    Reservation reservation{"m1", 10, {{"ann@example.com", 0, 0}, {"bob@example.com", 0, 0}}};
    reservation.domain_limits = {{"example.com", 105, 0}};
    reservation.needs = Needs::kRoomInAny;

    EXPECT_THAT(this->Reserve(reservation).full_domains, testing::ElementsAre(0));
    EXPECT_EQ(this->Find("ann@example.com"), std::nullopt);
}

TYPED_TEST(UsageStoreContract, WhatAnotherDomainRefusesToAdjustStaysAsOldAsItWas) {
    this->Commit("full@example.org", 100, 1);
    this->Reserve("m1", 100, {{"ann@example.com", 0, 0}});
    this->Pass(this->kGrace);
    this->Reserve("m1", 120, {{"ann@example.com", 0, 0}, {"full@example.org", 100, 0}});
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 100u);
    this->Pass(std::chrono::seconds(1));
    this->Commit("ann@example.com", 500, 2);
    EXPECT_EQ(this->UsageOf("ann@example.com").reserved_bytes, 0u);
}

TYPED_TEST(UsageStoreContract, ADomainIsTheSumOfItsMailboxes) {
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

TYPED_TEST(UsageStoreContract, MailboxesOfADomainShareItsLimit) {
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

TYPED_TEST(UsageStoreContract, ADomainAndItsCatchAllMailboxAreTwoThings) {
    this->Commit("@example.com", 10, 1);
    this->Commit("ann@example.com", 500, 5);

    EXPECT_EQ(this->UsageOf("@example.com").bytes, 10u);
    EXPECT_EQ(this->UsageOfDomain("example.com").bytes, 510u);
    EXPECT_EQ(this->Find("example.com"), std::nullopt);
}

TYPED_TEST(UsageStoreContract, KnowsHowMuchAllMailboxesHold) {
    EXPECT_EQ(this->loop_.RunUntilDone(this->store_->FindSite()), Usage());
    this->Commit("ann@example.com", 500, 5);
    this->Commit("d@example.net", 50, 1);
    this->Reserve("m1", 7, {{"ann@example.com", 0, 0}});

    EXPECT_EQ(this->loop_.RunUntilDone(this->store_->FindSite()),
              (Usage{550, 6, 7, 1, std::nullopt}));
}

TYPED_TEST(UsageStoreContract, MendsNoDomainWhereNothingWasLost) {
    for (const std::string name : {"ann@example.com", "bob@example.com", "@example.com", "x", ""})
        this->Commit({{name, 10, 1, this->now_}});
    this->Reserve("m1", 5, {{"ann@example.com", 0, 0}, {"a}:d@{c}", 0, 0}});
    EXPECT_THAT(this->loop_.RunUntilDone(this->store_->MendDomains()).wrong, testing::IsEmpty());
    const auto domain = this->loop_.RunUntilDone(this->store_->FindDomain("example.com"));
    EXPECT_EQ(domain->bytes, 30u);
    EXPECT_EQ(domain->reserved_bytes, 5u);
}

}  // namespace
}  // namespace policyd::usage
