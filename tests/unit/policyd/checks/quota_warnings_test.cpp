#include "policyd/checks/quota_warnings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fixed_recipients.hpp"
#include "tests/support/memory_usage_store.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::checks {
namespace {

const WarningRules kRules{{80, 95}, 5};

std::uint64_t LevelOf(std::uint64_t bytes, std::uint64_t limit, std::uint64_t level) {
    return LevelAfter(kRules, {bytes, 0}, {limit, 0}, level);
}

TEST(LevelAfterTest, IsTheHighestPercentageThatIsReached) {
    EXPECT_EQ(LevelOf(799, 1000, 0), 0u);
    EXPECT_EQ(LevelOf(800, 1000, 0), 80u);
    EXPECT_EQ(LevelOf(949, 1000, 80), 80u);
    EXPECT_EQ(LevelOf(950, 1000, 0), 95u);
    EXPECT_EQ(LevelOf(5000, 1000, 0), 95u);
    EXPECT_EQ(LevelOf(5000, 0, 0), 0u) << "no limit";
}

TEST(LevelAfterTest, IsLeftByTheHysteresis) {
    EXPECT_EQ(LevelOf(750, 1000, 80), 80u);
    EXPECT_EQ(LevelOf(749, 1000, 80), 0u);
    EXPECT_EQ(LevelOf(900, 1000, 95), 95u);
    EXPECT_EQ(LevelOf(899, 1000, 95), 80u);
    EXPECT_EQ(LevelOf(0, 1000, 95), 0u);
    const WarningRules low{{3}, 5};
    EXPECT_EQ(LevelAfter(low, {20, 0}, {1000, 0}, 3), 3u);
    EXPECT_EQ(LevelAfter(low, {19, 0}, {1000, 0}, 3), 0u);
}

TEST(LevelAfterTest, IsThatOfTheLimitOfWhichMoreIsUsed) {
    EXPECT_EQ(LevelAfter(kRules, {100, 8}, {1000, 10}, 0), 80u);
    EXPECT_EQ(LevelAfter(kRules, {960, 8}, {1000, 10}, 0), 95u);
    EXPECT_EQ(LevelAfter(kRules, {100, 8}, {1000, 0}, 0), 0u);
}

class QuotaWarningsTest : public testing::Test {
protected:
    QuotaWarningsTest() { recipients_.Add("ann@example.com", {"ann@example.com"}, 1000); }

    std::unique_ptr<QuotaWarnings> Make(const WarningRules& rules = kRules) {
        return std::make_unique<QuotaWarnings>(
            usage_, recipients_, changed_, rules,
            [this](const Warning& warning) { told_.push_back(TextOf(warning)); });
    }

    static std::string TextOf(const Warning& warning) {
        return warning.mailbox + (warning.is_over ? " over " : " below ") +
               std::to_string(warning.percent) + ": " + std::to_string(warning.usage) + " of " +
               std::to_string(warning.limit) +
               (warning.unit == std::string("bytes") ? "" : " messages");
    }

    static async::Task<bool> Done(async::Task<void> task) {
        co_await task;
        co_return true;
    }

    /// A scan found so many bytes.
    void Measure(QuotaWarnings& warnings, std::uint64_t bytes) {
        usage_.Measure("ann@example.com", bytes);
        usage_.changed.push_back("ann@example.com");
        test::RunToEnd(Done(warnings.LookAtChanged()));
    }

    void Reserve(QuotaWarnings& warnings, const std::string& id, std::uint64_t bytes) {
        usage::Reservation reservation{id, bytes, {{"ann@example.com", 1000, 0}}};
        reservation.settled = true;
        const usage::Reserved reserved = test::RunToEnd(usage_.Reserve(reservation));
        const recipients::Mailbox ann = test::RunToEnd(recipients_.LimitsOf("ann@example.com"));
        test::RunToEnd(Done(warnings.LookAt({ann}, reservation, reserved)));
    }

    test::MemoryUsageStore usage_;
    ChangedMailboxes changed_;
    test::FixedRecipients recipients_;
    std::vector<std::string> told_;
};

TEST_F(QuotaWarningsTest, TellOfEachCrossingOnceWhoeverSeesIt) {
    const auto one = Make();
    const auto another = Make();
    Measure(*one, 700);
    EXPECT_TRUE(told_.empty());
    Reserve(*one, "m1", 100);
    Reserve(*another, "m2", 10);
    Measure(*another, 820);
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 800 of 1000"));
    told_.clear();
    usage_.entries["ann@example.com"].reservations.clear();
    Measure(*one, 760);
    EXPECT_TRUE(told_.empty()) << "not below by the hysteresis";
    Measure(*one, 100);
    Measure(*another, 99);
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com below 80: 100 of 1000"));
}

TEST_F(QuotaWarningsTest, AMailboxIsNotBelowWhileWhatItWasWarnedOfIsOnItsWay) {
    const auto warnings = Make();
    Reserve(*warnings, "m1", 900);
    Reserve(*warnings, "m2", 20);
    told_.clear();
    // The small one came first: what else was reserved then may be in the measurement, or not.
    usage_.entries["ann@example.com"].measured_too = {"m1", "m2"};
    Measure(*warnings, 20);
    EXPECT_TRUE(told_.empty());
    usage_.entries["ann@example.com"].reservations.clear();
    Measure(*warnings, 20);
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com below 80: 20 of 1000"));
}

TEST_F(QuotaWarningsTest, WhatIsOnItsWayMakesNoMailboxComeOverAHigherPercentage) {
    const auto warnings = Make();
    Measure(*warnings, 850);
    Reserve(*warnings, "m1", 140);
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 850 of 1000",
                                            "ann@example.com over 95: 990 of 1000"));
    told_.clear();
    usage_.entries["ann@example.com"].reservations.clear();
    usage_.entries["ann@example.com"].warned = 80;
    usage_.entries["ann@example.com"].reservations["m2"] = {300, 1};  // may be aborted
    Measure(*warnings, 700);
    EXPECT_TRUE(told_.empty());
}

TEST_F(QuotaWarningsTest, TellOfSeveralPercentagesCrossedAtOnceAsOfOne) {
    const auto warnings = Make();
    Measure(*warnings, 990);
    Measure(*warnings, 10);
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 95: 990 of 1000",
                                            "ann@example.com below 80: 10 of 1000"));
}

TEST_F(QuotaWarningsTest, TellOfTheNumberOfMessagesToo) {
    recipients_.Add("ann@example.com", {"ann@example.com"}, 1000, 0, 0, 10);
    const auto warnings = Make();
    usage_.Measure("ann@example.com", 10, 7);
    Reserve(*warnings, "m1", 1);
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 8 of 10 messages"));
}

TEST_F(QuotaWarningsTest, AreNotAskedForWhereNothingCanHaveBeenCrossed) {
    const auto warnings = Make();
    Measure(*warnings, 100);
    const int calls = usage_.calls;
    Reserve(*warnings, "m1", 100);
    EXPECT_EQ(usage_.calls, calls + 1) << "the reservation itself";
}

TEST_F(QuotaWarningsTest, WhatWasTakenFromTheStoreIsLookedAtAfterAReload) {
    recipients_.down = true;
    Measure(*Make(), 900);
    recipients_.down = false;
    test::RunToEnd(Done(Make()->LookAtChanged()));
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 900 of 1000"));
}

TEST_F(QuotaWarningsTest, WaitForTablesAndStoresThatAreDown) {
    const auto warnings = Make();
    recipients_.down = true;
    Measure(*warnings, 900);
    recipients_.down = false;
    usage_.down = true;
    test::RunToEnd(Done(warnings->LookAtChanged()));
    usage_.down = false;
    EXPECT_TRUE(told_.empty());
    test::RunToEnd(Done(warnings->LookAtChanged()));
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 900 of 1000"));
}

TEST_F(QuotaWarningsTest, GiveBackToTheStoreWhatNobodyHasLookedAt) {
    const auto warnings = Make();
    recipients_.down = true;
    for (int i = 0; i < 20; ++i) usage_.changed.push_back("x" + std::to_string(i));
    Measure(*warnings, 900);
    warnings->End();
    usage_.down = true;
    test::RunToEnd(Done(warnings->GiveBack()));
    usage_.down = false;
    test::RunToEnd(Done(warnings->GiveBack()));
    EXPECT_THAT(usage_.changed, testing::SizeIs(21));
    EXPECT_EQ(changed_.Size() + changed_.SizeAside(), 0u);
}

TEST_F(QuotaWarningsTest, DoNotWaitForMailboxesWhoseLimitsCannotBeTold) {
    const auto warnings = Make();
    recipients_.broken = "x";
    for (int i = 0; i < 700; ++i) usage_.changed.push_back("x" + std::to_string(i));
    for (int round = 0; round < 30; ++round) test::RunToEnd(Done(warnings->LookAtChanged()));
    usage_.changed.push_back("x1");
    Measure(*warnings, 900);
    for (int round = 0; round < 60 && told_.empty(); ++round)
        test::RunToEnd(Done(warnings->LookAtChanged()));
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 900 of 1000"));
}

TEST_F(QuotaWarningsTest, LookAgainAtMailboxesWhoseLimitsCouldNotBeTold) {
    const auto warnings = Make();
    recipients_.broken = "ann";
    Measure(*warnings, 900);
    recipients_.broken = "\n";
    test::RunToEnd(Done(warnings->LookAtChanged()));
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 900 of 1000"));
}

TEST_F(QuotaWarningsTest, TakeFewFromTheStoreWhileTablesAreDownAndTellOfAllAfterwards) {
    const auto warnings = Make();
    constexpr int kMailboxes = 300;
    for (int i = 0; i < kMailboxes; ++i) {
        const std::string name = "u" + std::to_string(i) + "@example.com";
        recipients_.Add(name, {name.c_str()}, 1000);
        usage_.Measure(name, 900);
        usage_.changed.push_back(name);
    }
    recipients_.down = true;
    const auto look = [&] { test::RunToEnd(Done(warnings->LookAtChanged())); };
    for (int round = 0; round < 100; ++round) look();
    usage_.changed.assign(100, "ann@example.com");
    look();
    EXPECT_EQ(usage_.changed.size(), 90u);
    usage_.changed.clear();
    EXPECT_TRUE(told_.empty());
    recipients_.down = false;
    look();
    EXPECT_EQ(told_.size(), kMailboxes);
}

TEST_F(QuotaWarningsTest, GoByTheLimitOfTheAddressThatTheMailboxIsNamedBy) {
    const auto warnings = Make();
    const auto deliver_to = [&](const std::string& address, std::uint64_t limit,
                                const std::string& id) {
        usage::Reservation reservation{id, 10, {{"ann@example.com", limit, 0}}};
        reservation.settled = true;
        const usage::Reserved reserved = test::RunToEnd(usage_.Reserve(reservation));
        recipients::Mailbox mailbox;
        mailbox.name = "ann@example.com";
        mailbox.address = address;
        mailbox.quota_bytes = limit;
        test::RunToEnd(Done(warnings->LookAt({mailbox}, reservation, reserved)));
    };
    const auto look = [&] { test::RunToEnd(Done(warnings->LookAtChanged())); };
    Measure(*warnings, 850);
    deliver_to("info@example.com", 50'000, "m1");
    look();
    deliver_to("ann@example.com", 1000, "m2");
    recipients_.down = true;
    deliver_to("info@example.com", 50'000, "m3");
    recipients_.down = false;
    look();
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 850 of 1000"));
}

TEST_F(QuotaWarningsTest, GoByTheRecipientsLimitWhereTheMailboxIsNamedByNobody) {
    const auto warnings = Make();
    usage_.Measure("u7@example.com", 850);
    usage::Reservation reservation{"m1", 10, {{"u7@example.com", 1000, 0}}};
    reservation.settled = true;
    const usage::Reserved reserved = test::RunToEnd(usage_.Reserve(reservation));
    recipients::Mailbox mailbox;
    mailbox.name = "u7@example.com";
    mailbox.address = "eve@example.com";
    mailbox.quota_bytes = 1000;
    test::RunToEnd(Done(warnings->LookAt({mailbox}, reservation, reserved)));
    EXPECT_TRUE(told_.empty()) << "mail does not wait for tables on account of warnings";
    test::RunToEnd(Done(warnings->LookAtChanged()));
    EXPECT_THAT(told_, testing::ElementsAre("u7@example.com over 80: 860 of 1000"));
}

TEST_F(QuotaWarningsTest, TellOfALimitThatWasLoweredWhenMailIsRefusedForIt) {
    recipients_.Add("bob@example.com", {"bob@example.com"}, 1000);
    const auto warnings = Make();
    usage_.Measure("bob@example.com", 1500);
    const usage::Reservation refused{"m1", 10, {{"bob@example.com", 1000, 0}}};
    const usage::Reserved reserved = test::RunToEnd(usage_.Reserve(refused));
    ASSERT_FALSE(reserved.IsGranted());
    const recipients::Mailbox bob = test::RunToEnd(recipients_.LimitsOf("bob@example.com"));
    for (int time = 0; time < 3; ++time) {
        warnings->LookLater({bob}, refused, test::RunToEnd(usage_.Reserve(refused)));
        test::RunToEnd(Done(warnings->LookAtChanged()));
    }
    EXPECT_THAT(told_, testing::ElementsAre("bob@example.com over 95: 1500 of 1000"));
    EXPECT_EQ(changed_.Size(), 0u);
}

TEST_F(QuotaWarningsTest, AreTakenBackWhereNobodyWasToldUnlessItIsBelowAgain) {
    const auto warnings = Make();
    std::vector<Warning> untold;
    const auto noting = std::make_unique<QuotaWarnings>(
        usage_, recipients_, changed_, kRules,
        [&untold](const Warning& warning) { untold.push_back(warning); });
    const auto take_back = [&] {
        usage_.changed.clear();
        return test::RunToEnd(warnings->TakeBack(std::exchange(untold, {})));
    };
    Measure(*noting, 900);
    EXPECT_EQ(take_back(), 0u);
    EXPECT_THAT(usage_.changed, testing::ElementsAre("ann@example.com"));
    Measure(*warnings, 900);
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 900 of 1000"));

    Measure(*noting, 960);
    Measure(*noting, 100);
    untold.resize(1);
    EXPECT_EQ(take_back(), 0u);
    EXPECT_EQ(usage_.entries["ann@example.com"].warned, 0u) << "it was left again since";

    Measure(*noting, 900);
    Measure(*noting, 100);
    untold.erase(untold.begin());
    EXPECT_EQ(take_back(), 0u);
    EXPECT_EQ(usage_.entries["ann@example.com"].warned, 80u) << "that it was left is not told";

    Measure(*noting, 100);
    usage_.down = true;
    EXPECT_EQ(take_back(), 1u) << "lost";
}

/// Goes down, or takes note of what another server says, in the middle of a look.
class UsageStoreOfOthers final : public test::MemoryUsageStore {
public:
    async::Task<std::optional<usage::Filling>> FindFilling(std::string_view mailbox) override {
        if (goes_down) throw outage::UsageStoreUnavailable("the store goes down");
        return MemoryUsageStore::FindFilling(mailbox);
    }
    async::Task<bool> NoteWarned(std::string_view mailbox, std::optional<std::uint64_t> from,
                                 std::uint64_t to) override {
        if (!others_are_first) co_return co_await MemoryUsageStore::NoteWarned(mailbox, from, to);
        co_return false;
    }

    bool goes_down = false;
    bool others_are_first = false;
};

TEST_F(QuotaWarningsTest, LeaveAWarningToWhoNotedItFirstAndLookAgainWhereTheStoreGoesDown) {
    UsageStoreOfOthers usage;
    QuotaWarnings warnings(usage, recipients_, changed_, kRules,
                           [this](const Warning& warning) { told_.push_back(TextOf(warning)); });
    usage.Measure("ann@example.com", 900);
    usage.changed = {"ann@example.com"};
    usage.others_are_first = true;
    test::RunToEnd(warnings.LookAtChanged());
    EXPECT_TRUE(told_.empty());
    usage.others_are_first = false;

    usage.changed = {"ann@example.com"};
    usage.goes_down = true;
    test::RunToEnd(warnings.LookAtChanged());
    usage.goes_down = false;
    test::RunToEnd(warnings.LookAtChanged());
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 80: 900 of 1000"));
}

TEST_F(QuotaWarningsTest, SeeTheNumberOfMessagesCrossedByMailWhereThatAloneIsLimited) {
    recipients_.Add("few@example.com", {"few@example.com"}, 0, 0, 0, 10);
    usage_.Measure("few@example.com", 1, 7);
    const auto warnings = Make();
    usage::Reservation reservation{"m1", 1, {{"few@example.com", 0, 10}}};
    reservation.settled = true;
    const usage::Reserved reserved = test::RunToEnd(usage_.Reserve(reservation));
    const recipients::Mailbox few = test::RunToEnd(recipients_.LimitsOf("few@example.com"));
    test::RunToEnd(warnings->LookAt({few}, reservation, reserved));
    EXPECT_THAT(told_, testing::ElementsAre("few@example.com over 80: 8 of 10 messages"));
}

TEST_F(QuotaWarningsTest, LookLaterOnlyAtWhatWasMeasured) {
    const auto warnings = Make();
    usage_.Measure("ann@example.com", 100);
    Reserve(*warnings, "m1", 690);
    const usage::Reservation refused{"m2", 500, {{"ann@example.com", 1000, 0}}};
    const usage::Reserved reserved = test::RunToEnd(usage_.Reserve(refused));
    ASSERT_FALSE(reserved.IsGranted());
    const recipients::Mailbox ann = test::RunToEnd(recipients_.LimitsOf("ann@example.com"));
    usage_.entries["ann@example.com"].reservations.begin()->second.bytes = 890;
    warnings->LookLater({ann}, refused, test::RunToEnd(usage_.Reserve(refused)));
    EXPECT_EQ(changed_.Size(), 0u) << "what is reserved may never come";
}

TEST_F(QuotaWarningsTest, SayNothingWhereNoPercentagesAreSet) {
    const auto warnings = Make({});
    Measure(*warnings, 900);
    EXPECT_EQ(usage_.changed.size(), 1u) << "for others";
    const usage::Reservation reservation{"m1", 10, {{"ann@example.com", 1000, 0}}};
    const usage::Reserved reserved = test::RunToEnd(usage_.Reserve(reservation));
    const recipients::Mailbox ann = test::RunToEnd(recipients_.LimitsOf("ann@example.com"));
    EXPECT_FALSE(warnings->MayBeCrossed({ann}, reservation, reserved));
}

TEST_F(QuotaWarningsTest, LeaveTheRestToOthersWhenTheyEnd) {
    const auto warnings = Make();
    usage_.Measure("ann@example.com", 900);
    usage_.changed.push_back("ann@example.com");
    warnings->End();
    test::RunToEnd(Done(warnings->LookAtChanged()));
    EXPECT_TRUE(told_.empty());
    EXPECT_EQ(usage_.changed.size(), 1u) << "it stays in the store";
    test::RunToEnd(Done(Make()->LookAtChanged()));
    EXPECT_EQ(told_.size(), 1u);
}

TEST_F(QuotaWarningsTest, CallNoMailboxBelowAPercentageThatIsNoneAnyMore) {
    Measure(*Make(), 860);
    told_.clear();
    const auto warnings = Make({{95}, 5});
    Measure(*warnings, 870);
    EXPECT_TRUE(told_.empty());
    Measure(*warnings, 960);
    EXPECT_THAT(told_, testing::ElementsAre("ann@example.com over 95: 960 of 1000"));
}

TEST_F(QuotaWarningsTest, HaveNothingToSayOfMailboxesWithoutLimit) {
    const auto warnings = Make();
    usage_.Measure("bob@example.com", 1u << 30);
    usage_.changed = {"bob@example.com", "gone@example.com"};
    test::RunToEnd(Done(warnings->LookAtChanged()));
    EXPECT_TRUE(told_.empty());
    EXPECT_EQ(usage_.entries["bob@example.com"].warned, 0u) << "it has been looked at";
}

}  // namespace
}  // namespace policyd::checks
