/// Room in several mailboxes, in domains, and by usage that is stale, reserved or remembered.

#include "policyd/checks/mailbox_room.hpp"

#include "tests/unit/policyd/checks/mailbox_quota_check_fixture.hpp"

namespace policyd::checks {
namespace {

/// Keeps what it was last asked for.
class UsageStoreWithMemory final : public test::MemoryUsageStore {
public:
    async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
        reserved = reservation;
        return MemoryUsageStore::Reserve(reservation);
    }
    async::Task<std::optional<usage::Usage>> FindDomain(std::string_view domain) override {
        ++domains_asked;
        return MemoryUsageStore::FindDomain(domain);
    }
    async::Task<std::vector<std::chrono::milliseconds>> NoteFull(
        std::span<const std::string> mailboxes, std::chrono::milliseconds memory) override {
        full_memory = memory;
        return MemoryUsageStore::NoteFull(mailboxes, memory);
    }

    usage::Reservation reserved;
    std::size_t domains_asked = 0;
    std::chrono::milliseconds full_memory{0};
};

class MailboxRoomTest : public MailboxQuotaCheckTest {
protected:
    MailboxRoomTest() {
        for (const char* mailbox : {"dan@full.example", "eve@empty.example"})
            recipients_.Add(mailbox, {mailbox}, 0, 1000);
        recipients_.Add("both@example.com", {"dan@full.example", "eve@empty.example"}, 0, 1000);
    }

    static QuotaRules Rules(bool reserves) {
        QuotaRules rules;
        rules.reservations = reserves;
        return rules;
    }
};

TEST_F(MailboxRoomTest, AFullDomainLeavesRoomInAnother) {
    for (const bool reserves : {true, false}) {
        Use(Rules(reserves));
        usage_.entries.clear();
        usage_.Measure("dan@full.example", 1000);
        EXPECT_EQ(AtRcpt("both@example.com", 600), "") << reserves;
        if (reserves) {
            for (const char* mailbox : {"dan@full.example", "eve@empty.example"})
                EXPECT_EQ(usage_.ReservedIn(mailbox), 600u) << mailbox;
        }
        EndMessage("1");
        usage_.Measure("eve@empty.example", 1000);
        EXPECT_EQ(AtRcpt("both@example.com", 600), kFull) << reserves;
    }
}

TEST_F(MailboxRoomTest, CopiesInOtherDomainsDoNotCountAgainstADomain) {
    for (const bool reserves : {true, false}) {
        QuotaRules rules = Rules(true);
        rules.room.full_target_refuses = FullTargetRefuses::kAny;
        Use(rules);
        usage_.entries.clear();
        EXPECT_EQ(AtRcpt("both@example.com", 500, "1"), "");
        rules.reservations = reserves;
        Use(rules);
        EXPECT_EQ(AtRcpt("both@example.com", 501, "2"), kPerhapsFull) << "it may be aborted";
        EXPECT_EQ(AtRcpt("both@example.com", 500, "3"), "") << reserves;
        EndMessage("3");
        EndMessage("1");
    }
}

TEST_F(MailboxRoomTest, ADomainWithSeveralMailboxesHasOneLimit) {
    UsageStoreWithMemory usage;
    Use({}, recipients_, usage);
    recipients_.Add("list@example.com", {"eve@empty.example", "ida@empty.example"}, 0, 1000);
    EXPECT_EQ(AtRcpt("list@example.com", 500), "");
    EXPECT_EQ(usage.reserved.limits.size(), 2u);
    EXPECT_EQ(usage.reserved.domain_limits.size(), 1u);
}

TEST_F(MailboxRoomTest, WhoOnlyLooksAsksAboutADomainOnceForAllItsMailboxes) {
    UsageStoreWithMemory usage;
    Use(Rules(false), recipients_, usage);
    recipients_.Add("list@example.com", {"eve@empty.example", "ida@empty.example"}, 0, 1000);
    EXPECT_EQ(AtRcpt("list@example.com", 500), "");
    EXPECT_EQ(usage.domains_asked, 1u);
    EXPECT_EQ(AtRcpt("list@example.com", 501), kFull) << "two copies";
}

TEST_F(MailboxRoomTest, AMailboxThatIsFullByItsDomainIsDeferredFirstToo) {
    QuotaRules rules;
    rules.room.soft_time = std::chrono::milliseconds(1000);
    UsageStoreWithMemory usage;
    Use(rules, recipients_, usage);
    usage.Measure("dan@full.example", 1000);
    EXPECT_EQ(AtRcpt("dan@full.example", 1, "1"), kPerhapsFull);
    EXPECT_EQ(usage.full_memory, std::chrono::seconds(2) + std::chrono::hours(7 * 24));
    now_ = usage.now = std::chrono::milliseconds(1000);
    EXPECT_EQ(AtRcpt("dan@full.example", 1, "2"), kFull);
}

TEST_F(MailboxRoomTest, TheGraceInBytesIsNoLimitWhereThereIsNone) {
    recipients_.Add("few@example.com", {"few@example.com"}, 0, 0, 0, 1);
    QuotaRules rules;
    rules.room.grace_bytes = 5;
    Use(rules);
    EXPECT_EQ(AtRcpt("few@example.com", 100, "1"), "");
    EXPECT_EQ(AtRcpt("few@example.com", 100, "2"), kPerhapsFull) << "by messages";
}

TEST_F(MailboxRoomTest, AnAliasIsRefusedForGoodOnlyWhereWhatWasMeasuredDoesIt) {
    for (const bool reserves : {true, false}) {
        Use({});
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 1000);
        EXPECT_EQ(AtRcpt("bob@example.com", 1000, "1"), "") << "and it may be aborted";
        Use(Rules(reserves));
        EXPECT_EQ(AtRcpt("team@example.com", 1, "2"), kPerhapsFull) << reserves;
        usage_.Measure("bob@example.com", 1000);
        EXPECT_EQ(AtRcpt("team@example.com", 1, "3"), kFull) << reserves;
        EndMessage("1");
    }
}

TEST_F(MailboxRoomTest, StaleUsageMakesNoRefusalForGoodOfOneThatIsPerhaps) {
    for (const bool reserves : {true, false}) {
        QuotaRules rules;
        rules.room.full_target_refuses = FullTargetRefuses::kAny;
        rules.room.stale_usage = StaleUsage::kIgnore;
        rules.room.usage_max_age = std::chrono::milliseconds(1);
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 1000);
        now_ = std::chrono::milliseconds(10);
        EXPECT_EQ(AtRcpt("bob@example.com", 1000, "1"), "") << "and it may be aborted";
        rules.reservations = reserves;
        Use(rules);
        EXPECT_EQ(AtRcpt("team@example.com", 1, "2"), kPerhapsFull) << reserves;
        EndMessage("1");
    }
}

TEST_F(MailboxRoomTest, UsageIsNeverStaleWithoutAnAgeForIt) {
    for (const auto rule : {StaleUsage::kIgnore, StaleUsage::kDefer}) {
        QuotaRules rules;
        rules.room.stale_usage = rule;
        Use(rules);
        usage_.Measure("ann@example.com", 1000);
        now_ = std::chrono::hours(10'000);
        EXPECT_EQ(AtRcpt("ann@example.com", 1), kFull);
    }
}

TEST_F(MailboxRoomTest, WhereStaleUsageDefersThoseWithRoomAreLetIn) {
    for (const bool reserves : {true, false}) {
        QuotaRules rules = Rules(reserves);
        rules.room.stale_usage = StaleUsage::kDefer;
        rules.room.usage_max_age = std::chrono::milliseconds(1);
        Use(rules);
        usage_.Measure("ann@example.com", 900);
        now_ = std::chrono::milliseconds(10);
        EXPECT_EQ(AtRcpt("ann@example.com", 100, "1"), "") << reserves;
        EndMessage("1");
        EXPECT_EQ(AtRcpt("ann@example.com", 101, "2"), kPerhapsFull) << reserves;
    }
}

TEST_F(MailboxRoomTest, WhatARuleLetsInIsCharged) {
    for (const auto rule : {FullAtEndOfMessage::kAccept, FullAtEndOfMessage::kDefer}) {
        QuotaRules rules;
        rules.full_at_end_of_message = rule;
        rules.room.soft_time = std::chrono::milliseconds(1000);
        rules.room.stale_usage = StaleUsage::kIgnore;
        rules.room.usage_max_age = std::chrono::milliseconds(1);
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 1000);
        usage_.entries["ann@example.com"].full_since = std::chrono::milliseconds(0);
        now_ = std::chrono::milliseconds(10);
        EXPECT_EQ(AtRcpt("ann@example.com", 100), "");
        EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 100u) << "nobody else fills it meanwhile";
        EXPECT_EQ(AtEnd("ann@example.com", 200), "");
        EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 200u);
        EXPECT_TRUE(usage_.entries["ann@example.com"].full_since.has_value()) << "it has no room";
        EndMessage("1");
    }
}

TEST_F(MailboxRoomTest, WhatIsLetInWithoutRoomIsGivenBackWhereItIsAborted) {
    QuotaRules rules;
    rules.exempt.recipients = AddressList({"ann@example.com"});
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 5000), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 5000u);
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

TEST_F(MailboxRoomTest, TheSoftTimeEndsWithMailForWhichThereIsRoomWhetherItIsReservedOrNot) {
    for (const bool reserves : {true, false}) {
        QuotaRules rules = Rules(reserves);
        rules.room.soft_time = std::chrono::milliseconds(1000);
        Use(rules);
        usage_.entries["ann@example.com"].full_since = std::chrono::milliseconds(0);
        EXPECT_EQ(AtRcpt("ann@example.com", 1), "");
        EXPECT_TRUE(usage_.entries["ann@example.com"].full_since.has_value()) << reserves;
        EXPECT_EQ(AtEnd("ann@example.com", 1), "");
        EXPECT_FALSE(usage_.entries["ann@example.com"].full_since.has_value()) << reserves;
        EndMessage("1");
    }
}

TEST_F(MailboxRoomTest, NoSoftTimeEndsForAnAliasThatIsNeverRefused) {
    for (const auto rule : {FullAtEndOfMessage::kAccept, FullAtEndOfMessage::kDefer}) {
        QuotaRules rules;
        rules.full_at_end_of_message = rule;
        rules.room.full_target_refuses = FullTargetRefuses::kNever;
        rules.room.soft_time = std::chrono::milliseconds(1000);
        Use(rules);
        usage_.Measure("ann@example.com", 1000);
        usage_.entries["ann@example.com"].full_since = std::chrono::milliseconds(0);
        EXPECT_EQ(AtRcpt("team@example.com", 1), "");
        EXPECT_EQ(AtRcpt("archive@example.com", 1), "");
        EXPECT_EQ(AtEnd("", 1, 2), "");
        EXPECT_TRUE(usage_.entries["ann@example.com"].full_since.has_value());
        EndMessage("1");
    }
}

TEST_F(MailboxRoomTest, MailThatIsLetInWarnsAndMailThatIsRefusedHasItsMailboxLookedAt) {
    std::vector<std::string> told;
    QuotaWarnings warnings(usage_, recipients_, changed_, {{80}, 5},
                           [&](const Warning& warning) { told.push_back(warning.mailbox); });
    const MailboxQuotaCheck::Parts parts{recipients_.Cache(), usage_, warnings,
                                         messages_,           owed_,  average_};
    check_ = std::make_unique<MailboxQuotaCheck>(
        parts, QuotaRules(), [this] { return now_; }, [this] { return text::WallTime(now_); });
    EXPECT_EQ(AtRcpt("ann@example.com", 900), "");
    EXPECT_TRUE(told.empty()) << "it may be aborted";
    EXPECT_EQ(AtEnd("ann@example.com", 900), "");
    EXPECT_EQ(told, std::vector<std::string>{"ann@example.com"});
    usage_.Measure("bob@example.com", 900);
    EXPECT_EQ(AtRcpt("bob@example.com", 200, "2"), kFull);
    EXPECT_EQ(changed_.Size(), 1u);
}

TEST_F(MailboxRoomTest, WhatIsRememberedCountsWhatWasJustReservedAndTheDomain) {
    recipients_.Add("few@example.com", {"few@example.com"}, 0, 0, 0, 2);
    QuotaRules rules;
    rules.room.stale_time = std::chrono::milliseconds(1000);
    rules.recipient_stale_time = std::chrono::hours(1);
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 300, "1"), "");
    EXPECT_EQ(AtRcpt("ann@example.com", 300, "2"), "");
    EXPECT_EQ(Remembered("ann@example.com", 400), "no opinion");
    EXPECT_EQ(Remembered("ann@example.com", 401), kPerhapsFull);
    EXPECT_EQ(AtRcpt("few@example.com", 1, "3"), "");
    EXPECT_EQ(Remembered("few@example.com", 1), "no opinion");
    EXPECT_EQ(AtRcpt("few@example.com", 1, "4"), "");
    EXPECT_EQ(Remembered("few@example.com", 1), kPerhapsFull);

    recipients_.Add("dan@full.example", {"dan@full.example"}, 100, 1000);
    usage_.Measure("ida@full.example", 900);
    EXPECT_EQ(AtRcpt("dan@full.example", 50, "5"), "");
    EXPECT_EQ(Remembered("dan@full.example", 50), "no opinion");
    EXPECT_EQ(Remembered("dan@full.example", 51), kPerhapsFull) << "the domain has room";
    recipients_.Add("dan@full.example", {"dan@full.example"}, 0, 1000);
    EXPECT_EQ(AtRcpt("dan@full.example", 0, "5"), "");
    EXPECT_EQ(Remembered("dan@full.example", 101), kPerhapsFull) << "the mailbox has room";

    const auto before = std::move(check_);
    Use(rules);
    check_->TakeOver(*before, false);
    EXPECT_EQ(Remembered("dan@full.example", 1), "no opinion");
}

TEST_F(MailboxRoomTest, WhatIsRememberedIsAskedForTheSizeThatIsAssumedAndWhatDeliveryAdds) {
    QuotaRules rules = Rules(false);
    rules.room.stale_time = std::chrono::milliseconds(1000);
    rules.recipient_stale_time = std::chrono::hours(1);
    rules.size.undeclared_size = 300;
    rules.size.delivery_overhead = 50;
    for (const auto& [used, action] :
         {std::pair(650, std::string("no opinion")), std::pair(651, kPerhapsFull)}) {
        Use(rules);
        usage_.Measure("ann@example.com", static_cast<std::uint64_t>(used));
        EXPECT_EQ(AtRcpt("ann@example.com", 1), "");
        EXPECT_EQ(Remembered("ann@example.com", 0), action);
        EXPECT_EQ(Remembered("ann@example.com", 300), action);
    }
}

TEST_F(MailboxRoomTest, TellsWhenWasLastMeasuredWhereRoomIsReserved) {
    usage_.Measure("ann@example.com", 10);
    const std::chrono::seconds measured(6'000'000'000);
    usage_.entries["ann@example.com"].measured.measured_at = text::WallTime(measured);
    const double granted = metrics::Value(metrics::Metric::kReservations, {"granted"});
    EXPECT_EQ(AtRcpt("ann@example.com", 1), "");
    EXPECT_EQ(metrics::Value(metrics::Metric::kLastScan), 6'000'000'000);
    EXPECT_EQ(metrics::Value(metrics::Metric::kReservations, {"granted"}), granted + 1);
}

}  // namespace
}  // namespace policyd::checks
