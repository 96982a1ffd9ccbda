#include "policyd/checks/held_room.hpp"

#include "common/async/wake_up.hpp"
#include "tests/unit/policyd/checks/mailbox_quota_check_fixture.hpp"

namespace policyd::checks {
namespace {

/// Through the check, by what mailboxes hold.
using HeldRoomTest = MailboxQuotaCheckTest;

/// Gives back in rounds: what is asked for during one waits for the next.
class UsageStoreOfRounds final : public test::MemoryUsageStore {
public:
    using UsageStore::Release;
    async::Task<void> Release(std::string_view id, std::span<const std::string> mailboxes,
                              usage::Unreserve what) override {
        ++releases;
        ++under_way;
        co_await next_round.Wait();
        --under_way;
        co_await MemoryUsageStore::Release(id, mailboxes, what);
    }

    int releases = 0;
    int under_way = 0;
    async::WakeUp next_round;
};

TEST_F(HeldRoomTest, RecipientsThatALaterRestrictionRefusedGiveTheirRoomBack) {
    EXPECT_EQ(AtRcpt("ann@example.com", 500), "");
    EXPECT_EQ(AtRcpt("bob@example.com", 500), "");
    EXPECT_EQ(AtEnd("bob@example.com", 500, 1), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 500u);
}

TEST_F(HeldRoomTest, AnAbortedMessageGivesItsRoomBackAndAnAcceptedOneKeepsIt) {
    EXPECT_EQ(AtRcpt("ann@example.com", 500, "1"), "");
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
    EXPECT_EQ(AtRcpt("ann@example.com", 500, "2"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 500, 1, "2"), "");
    const int calls = usage_.calls;
    EndMessage("2");
    EXPECT_EQ(usage_.calls, calls) << "there is nothing to ask for";
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
}

TEST_F(HeldRoomTest, WhatWasReservedBeforeAReloadIsSettledAndGivenBackWhereNothingIsNow) {
    EXPECT_EQ(AtRcpt("ann@example.com", 600, "1"), "");
    EXPECT_EQ(AtRcpt("bob@example.com", 600, "2"), "");
    QuotaRules rules;
    rules.reservations = false;
    Use(rules);
    EXPECT_EQ(AtEnd("ann@example.com", 600, 1, "1"), "") << "its own reservation is no mail";
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 600u);
    EndMessage("2");
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 0u);
}

TEST_F(HeldRoomTest, AMessageGoesOnOverAnotherConnection) {
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtRcpt("bob@example.com", 500), "");
    LeaveMessage("1");
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 0u) << "it may be over as well";
    EXPECT_EQ(AtEnd("", 500, 2), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 500u);
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 500u);
}

TEST_F(HeldRoomTest, WhatManyConnectionsLeaveIsGivenBackOnceAndInPortions) {
    constexpr int kMessages = 4;
    constexpr int kRecipients = 1'500;
    UsageStoreOfRounds usage;
    Use({}, recipients_, usage);
    for (int i = 0; i < kRecipients; ++i) {
        const std::string recipient = std::to_string(i) + "@example.com";
        recipients_.Add(recipient, {recipient.c_str()}, 1000);
        for (int message = 0; message < kMessages; ++message)
            ASSERT_EQ(AtRcpt(recipient, 1, std::to_string(message)), "");
    }
    for (int message = 0; message < kMessages; ++message)
        for (int connection = 0; connection < 3; ++connection)
            if (auto rest = check_->LeaveMessage(NameOf(std::to_string(message))))
                async::Spawn(std::move(*rest));
    EXPECT_EQ(usage.under_way, 1'000) << "of the first message";
    EXPECT_EQ(AtRcpt("7@example.com", 1, "3"), "") << "which is not given back yet";
    int rounds = 0;
    for (; usage.under_way > 0; ++rounds) {
        EXPECT_LE(usage.under_way, 1'000);
        usage.next_round.Set();
    }
    EXPECT_EQ(rounds, 8) << "two portions of each message, one message at a time";
    EXPECT_EQ(usage.releases, kMessages * kRecipients - 1);
    EXPECT_EQ(usage.ReservedIn("7@example.com"), 1u) << "was asked about again";
    EXPECT_EQ(usage.ReservedIn("8@example.com"), 0u);
}

TEST_F(HeldRoomTest, SmallMessagesAreGivenBackAtTheSameTime) {
    UsageStoreOfRounds usage;
    Use({}, recipients_, usage);
    for (const char* instance : {"1", "2"}) EXPECT_EQ(AtRcpt("ann@example.com", 1, instance), "");
    for (const char* instance : {"1", "2"})
        async::Spawn(std::move(*check_->LeaveMessage(NameOf(instance))));
    EXPECT_EQ(usage.under_way, 2);
    usage.next_round.Set();
    EXPECT_EQ(usage.ReservedIn("ann@example.com"), 0u);
}

TEST_F(HeldRoomTest, WhatIsAskedAboutAgainBeforeItsPortionIsGivenBackKeepsItsRoom) {
    UsageStoreOfRounds usage;
    Use({}, recipients_, usage);
    const auto recipient = [](int i) { return std::to_string(i) + "@example.com"; };
    for (int i = 0; i < 3'000; ++i) {
        recipients_.Add(recipient(i), {recipient(i).c_str()}, 1000);
        ASSERT_EQ(AtRcpt(recipient(i), 1), "");
    }
    async::Spawn(std::move(*check_->LeaveMessage(NameOf("1"))));
    const std::vector<int> asked_again{1'500, 2'999};  // one of each portion that waits
    for (const int i : asked_again) {
        EXPECT_EQ(AtRcpt(recipient(i), 1), "") << "over another connection";
        usage.next_round.Set();
    }
    usage.next_round.Set();
    EXPECT_EQ(usage.releases, 2'998);
    for (const int i : asked_again) EXPECT_EQ(usage.ReservedIn(recipient(i)), 1u) << i;
    EXPECT_EQ(usage.ReservedIn(recipient(1'501)), 0u);
}

TEST_F(HeldRoomTest, WhatAnotherServerAcceptedIsNotGivenBackByThisOne) {
    EXPECT_EQ(AtRcpt("ann@example.com", 400), "");
    const usage::Reservation elsewhere{NameOf("1") + " ann@example.com", 450,
                                       {{"ann@example.com", 1000, 0}},   {},
                                       usage::Needs::kRoomInAll,         true};
    test::RunToEnd(usage_.Reserve(elsewhere));
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 450u);
}

TEST_F(HeldRoomTest, WhatIsRefusedWhenItIsAskedAgainIsGivenBackWithItsMessage) {
    EXPECT_EQ(AtRcpt("ann@example.com", 300, "1"), "");
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 300, "1"), kFull);
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 300u);
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

TEST_F(HeldRoomTest, RoomThatCouldNotBeGivenBackDuringAnOutageIsGivenBackAfterIt) {
    EXPECT_EQ(AtRcpt("ann@example.com", 500), "");
    usage_.down = true;
    EndMessage("1");
    usage_.down = false;
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

}  // namespace
}  // namespace policyd::checks
