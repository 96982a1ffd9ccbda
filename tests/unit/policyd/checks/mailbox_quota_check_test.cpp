/// What has room, for one message.

#include "tests/unit/policyd/checks/mailbox_quota_check_fixture.hpp"

namespace policyd::checks {
namespace {

TEST_F(MailboxQuotaCheckTest, LetsInWhatFitsExactlyAndRefusesOneByteMore) {
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 101), kFull);
    EXPECT_EQ(AtRcpt("ann@example.com", 100), "");
}

TEST_F(MailboxQuotaCheckTest, CountsAMessageOfUnknownSizeAsOneByte) {
    usage_.Measure("ann@example.com", 999);
    EXPECT_EQ(AtRcpt("ann@example.com", 0, "1"), "");
    usage_.Measure("bob@example.com", 1000);
    EXPECT_EQ(AtRcpt("bob@example.com", 0, "2"), kFull);
}

TEST_F(MailboxQuotaCheckTest, HasNoOpinionOnUnlimitedMailboxesAndStrangers) {
    usage_.Measure("archive@example.com", 1u << 30);
    EXPECT_EQ(AtRcpt("archive@example.com", 1u << 30), "");
    EXPECT_EQ(AtRcpt("stranger@example.net", 1u << 30), "");
    EXPECT_EQ(usage_.ReservedIn("archive@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, TreatsAMailboxThatWasNeverMeasuredAsEmpty) {
    EXPECT_EQ(AtRcpt("ann@example.com", 1000), "");
    EXPECT_EQ(AtRcpt("bob@example.com", 1001), kFull);
}

TEST_F(MailboxQuotaCheckTest, CountsWhatWasAcceptedFromTheMomentItWas) {
    EXPECT_EQ(AtRcpt("ann@example.com", 600, "1"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 600, 1, "1"), "");
    EXPECT_EQ(AtRcpt("ann@example.com", 600, "2"), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, ChargesARepeatedRequestOnce) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(AtRcpt("ann@example.com", 600), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 600u);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(AtEnd("ann@example.com", 700), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 700u);
}

TEST_F(MailboxQuotaCheckTest, SettlesToTheRealSizeAndRefusesWhatNoLongerFits) {
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("ann@example.com", 1001), kFull);
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, AliasIsRefusedOnlyWhenEveryTargetIsFull) {
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("team@example.com", 100, "1"), "");
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 100u);
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 100u) << "it is delivered there as well";
    usage_.Measure("bob@example.com", 1000);
    EXPECT_EQ(AtRcpt("team@example.com", 100, "2"), kFull);
}

TEST_F(MailboxQuotaCheckTest, AnyFullTargetRefusesWhereThatIsTheRule) {
    QuotaRules rules;
    rules.room.full_target_refuses = FullTargetRefuses::kAny;
    Use(rules);
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("team@example.com", 100), kFull);
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, NoAliasIsRefusedWhereThatIsTheRule) {
    QuotaRules rules;
    rules.room.full_target_refuses = FullTargetRefuses::kNever;
    Use(rules);
    usage_.Measure("ann@example.com", 1000);
    usage_.Measure("bob@example.com", 1000);
    EXPECT_EQ(AtRcpt("team@example.com", 100, "1"), "");
    EXPECT_EQ(AtRcpt("ann@example.com", 100, "2"), kFull);
}

TEST_F(MailboxQuotaCheckTest, AnAliasThatLeadsElsewhereTooIsNotRefusedForItsOneMailbox) {
    recipients_.Add("forward@example.com", {"ann@example.com"}, 1000);
    recipients_.LeadElsewhereToo("forward@example.com");
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("forward@example.com", 100, "1"), "");
    EXPECT_EQ(AtEnd("forward@example.com", 100, 1, "1"), "");
    QuotaRules rules;
    rules.reservations = false;
    Use(rules);
    EXPECT_EQ(AtRcpt("forward@example.com", 100, "2"), "");
    rules.room.full_target_refuses = FullTargetRefuses::kAny;
    Use(rules);
    EXPECT_EQ(AtRcpt("forward@example.com", 100, "3"), kFull);
}

TEST_F(MailboxQuotaCheckTest, TheMailboxAndItsAliasInOneMessageAreTwoCopies) {
    EXPECT_EQ(AtRcpt("ann@example.com", 400), "");
    EXPECT_EQ(AtRcpt("team@example.com", 400), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 800u);
}

TEST_F(MailboxQuotaCheckTest, ASizeBeyondAllNumbersFitsNowhere) {
    const std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(AtRcpt("ann@example.com", largest), kFull);
    QuotaRules rules;
    rules.size.delivery_overhead = 1000;
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", largest), kFull);
}

TEST_F(MailboxQuotaCheckTest, AMailboxThatAnAliasReachesTwiceIsChargedForTwoCopies) {
    recipients_.Add("joe@example.com", {"joe@example.com", "joe@example.com"}, 1000);
    EXPECT_EQ(AtRcpt("joe@example.com", 501), kFull);
    EXPECT_EQ(AtRcpt("joe@example.com", 500), "");
    EXPECT_EQ(usage_.ReservedIn("joe@example.com"), 1000u);
    EXPECT_EQ(AtEnd("joe@example.com", 400), "");
    EXPECT_EQ(usage_.ReservedIn("joe@example.com"), 800u);
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("joe@example.com"), 800u);

    recipients_.Add("two@example.com", {"two@example.com", "two@example.com"}, 0, 0, 0, 3);
    EXPECT_EQ(AtRcpt("two@example.com", 1, "2"), "");
    EXPECT_EQ(AtEnd("two@example.com", 1, 1, "2"), "");
    EXPECT_EQ(AtRcpt("two@example.com", 1, "3"), kPerhapsFull);
    recipients_.Add("shared@shared.example", {"shared@shared.example", "shared@shared.example"}, 0,
                    1000);
    EXPECT_EQ(AtRcpt("shared@shared.example", 501, "4"), kFull);
    QuotaRules rules;
    rules.reservations = false;
    Use(rules);
    usage_.entries.clear();
    EXPECT_EQ(AtRcpt("joe@example.com", 501), kFull);
    EXPECT_EQ(AtRcpt("joe@example.com", 500), "");
    EXPECT_EQ(AtRcpt("shared@shared.example", 501), kFull);
    EXPECT_EQ(AtRcpt("shared@shared.example", 500), "");
}

TEST_F(MailboxQuotaCheckTest, OnlyLooksWithoutAnInstanceOrWithReservationsOff) {
    EXPECT_EQ(AtRcpt("ann@example.com", 600, ""), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
    QuotaRules rules;
    rules.reservations = false;
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 600), "");
    EXPECT_EQ(AtRcpt("ann@example.com", 1001), kFull);
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, LetsMailboxesExceedTheirLimitByTheGrace) {
    QuotaRules rules;
    rules.room.grace_percent = 10;
    rules.room.grace_bytes = 5;
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 1106), kFull);
    EXPECT_EQ(AtRcpt("ann@example.com", 1105), "");
}

TEST_F(MailboxQuotaCheckTest, TakesOverWhatIsRememberedOfUsage) {
    QuotaRules rules;
    rules.reservations = false;
    rules.room.copy_time = std::chrono::seconds(10);
    rules.room.stale_time = std::chrono::seconds(60);
    Use(rules);
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 1), kFull);
    const auto before = std::move(check_);
    Use(rules);
    EXPECT_EQ(Remembered("ann@example.com", 1), "nothing");
    check_->TakeOver(*before, false);
    EXPECT_EQ(Remembered("ann@example.com", 1), kPerhapsFull);
    usage_.Measure("ann@example.com", 0);
    EXPECT_EQ(AtRcpt("ann@example.com", 1), "") << "the store is asked again";
}

TEST_F(MailboxQuotaCheckTest, TellsWhenWasLastMeasuredAlsoWhereNothingIsReserved) {
    QuotaRules rules;
    rules.reservations = false;
    usage_.Measure("ann@example.com", 10);
    double seconds = 5'000'000'000;
    for (const int copy_time : {0, 1000}) {
        rules.room.copy_time = std::chrono::milliseconds(copy_time);
        Use(rules);
        usage_.entries["ann@example.com"].measured.measured_at =
            text::WallTime(std::chrono::seconds(static_cast<std::int64_t>(++seconds)));
        EXPECT_EQ(AtRcpt("ann@example.com", 1), "");
        EXPECT_EQ(metrics::Value(metrics::Metric::kLastScan), seconds) << copy_time;
    }
}

TEST_F(MailboxQuotaCheckTest, CountsButNeverRefusesExemptMail) {
    QuotaRules rules;
    rules.exempt.senders = AddressList({"<>"});
    Use(rules);
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 100), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 100u);
    rules.reservations = false;
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 100, "2"), "");
}

TEST_F(MailboxQuotaCheckTest, DefersFirstAndRefusesOnceTheMailboxHasBeenFullForTheSoftTime) {
    QuotaRules rules;
    rules.room.soft_time = std::chrono::milliseconds(1000);
    Use(rules);
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "1"), kPerhapsFull);
    SetTime(std::chrono::milliseconds(999));
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "2"), kPerhapsFull);
    SetTime(std::chrono::milliseconds(1000));
    Use(rules);  // as after a reload, or on another server
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "3"), kFull);
    usage_.Measure("ann@example.com", 0);
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "4"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 1, 1, "4"), "");
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "5"), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyForGoodWhereTheStoreCannotTellForHowLongHeHasBeenFull) {
    class UsageStore final : public test::MemoryUsageStore {
        async::Task<std::vector<std::chrono::milliseconds>> NoteFull(
            std::span<const std::string>, std::chrono::milliseconds) override {
            throw outage::UsageStoreUnavailable("the store goes down");
        }
    } usage;
    QuotaRules rules;
    rules.room.soft_time = std::chrono::milliseconds(1);
    Use(rules, recipients_, usage);
    usage.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 1), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, NoSoftTimeBeginsByAQuestionAboutNoMessage) {
    QuotaRules rules;
    rules.room.soft_time = std::chrono::milliseconds(1000);
    Use(rules);
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 1, ""), kPerhapsFull);
    SetTime(std::chrono::milliseconds(1000));
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "1"), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, NoSoftTimeRunsWhileNobodyIsRefusedButOnPaper) {
    QuotaRules rules;
    rules.room.soft_time = std::chrono::milliseconds(1000);
    rules.room.is_dry_run = true;
    Use(rules);
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "1"), kPerhapsFull);
    SetTime(std::chrono::milliseconds(2000));
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "2"), kPerhapsFull);
    rules.room.is_dry_run = false;
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "3"), kPerhapsFull) << "the first that is refused";
}

TEST_F(MailboxQuotaCheckTest, RefusesAtTheEndOnceAllMailboxesHaveBeenFullForTheSoftTime) {
    QuotaRules rules;
    rules.room.soft_time = std::chrono::milliseconds(1000);
    for (const auto& [first, second] : {std::pair("ann@example.com", "bob@example.com"),
                                        std::pair("bob@example.com", "ann@example.com")}) {
        Use(rules);
        usage_.entries.clear();
        SetTime(std::chrono::milliseconds(0));
        usage_.Measure("ann@example.com", 900);
        EXPECT_EQ(AtRcpt("ann@example.com", 500, "1"), kPerhapsFull);
        usage_.Measure("bob@example.com", 900);
        for (const auto& [time, instance, action] :
             {std::tuple(1500, "2", kPerhapsFull), std::tuple(2500, "3", kFull)}) {
            SetTime(std::chrono::milliseconds(time));
            EXPECT_EQ(AtRcpt(first, 0, instance), "");
            EXPECT_EQ(AtRcpt(second, 0, instance), "");
            EXPECT_EQ(AtEnd("", 500, 2, instance), action) << time << ' ' << first;
            EndMessage(instance);
        }
    }
}

TEST_F(MailboxQuotaCheckTest, IsFullAsLongAsNoneOfTheMailFitsAlsoWhereItsSizeComesAtTheEnd) {
    QuotaRules rules;
    rules.room.soft_time = std::chrono::milliseconds(1000);
    for (const bool reserves : {true, false}) {
        rules.reservations = reserves;
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 900);
        for (const auto& [time, instance, action] :
             {std::tuple(0, "1", kPerhapsFull), std::tuple(900, "2", kPerhapsFull),
              std::tuple(1800, "3", kFull)}) {
            SetTime(std::chrono::milliseconds(time));
            EXPECT_EQ(AtRcpt("ann@example.com", 0, instance), "");
            EXPECT_EQ(AtEnd("ann@example.com", 500, 1, instance), action) << time << reserves;
            EndMessage(instance);
        }
    }
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyForGoodForMailThatMayStillBeAborted) {
    EXPECT_EQ(AtRcpt("ann@example.com", 800, "1"), "");
    EXPECT_EQ(AtRcpt("ann@example.com", 300, "2"), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyForGoodForADomainThatWasMeasuredAsEmpty) {
    recipients_.Add("zoe@b.example", {"zoe@b.example"}, 0, 1000);
    EXPECT_EQ(AtRcpt("zoe@b.example", 800, "1"), "");
    EXPECT_EQ(AtEnd("zoe@b.example", 800, 1, "1"), "");
    usage_.Measure("zoe@b.example", 0, 0);
    EXPECT_EQ(AtRcpt("zoe@b.example", 300, "2"), kPerhapsFull);
    EXPECT_EQ(AtRcpt("zoe@b.example", 1001, "3"), kFull);
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyForGoodForMailThatIsCountedTwice) {
    EXPECT_EQ(AtRcpt("ann@example.com", 400, "1"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 400, 1, "1"), "");
    usage_.Measure("ann@example.com", 400);
    for (const auto& [id, held] : usage_.entries["ann@example.com"].reservations)
        usage_.entries["ann@example.com"].measured_too.insert(id);
    EXPECT_EQ(AtRcpt("ann@example.com", 601, "2"), kFull) << "full by the measurement alone";
    EXPECT_EQ(AtRcpt("ann@example.com", 600, "3"), kPerhapsFull);
    EXPECT_EQ(AtRcpt("ann@example.com", 200, "4"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 200, 1, "4"), "");
    EXPECT_EQ(AtRcpt("ann@example.com", 600, "5"), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyForGoodForMailThatMayYetBeRefusedBehindIt) {
    EXPECT_EQ(AtRcpt("ann@example.com", 600, "1"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 600, 1, "1"), "") << "a milter refuses it then";
    EXPECT_EQ(AtRcpt("ann@example.com", 500, "2"), kPerhapsFull);
    usage_.Measure("ann@example.com", 600);
    EXPECT_EQ(AtRcpt("ann@example.com", 500, "3"), kFull) << "it came";
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyForGoodByALimitOfBeforeAnOutageOfTheTables) {
    QuotaRules rules;
    rules.recipient_stale_time = std::chrono::hours(1);
    Use(rules);
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 200, "1"), kFull);
    EXPECT_EQ(AtRcpt("ann@example.com", 0, "2"), "");
    recipients_.down = true;
    EXPECT_EQ(AtRcpt("ann@example.com", 200, "3"), kPerhapsFull);
    EXPECT_EQ(AtRcpt("ann@example.com", 50, "4"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 200, 1, "4"), kPerhapsFull);
    EXPECT_EQ(AtEnd("ann@example.com", 200, 1, "2"), kFull) << "resolved before";
    rules.reservations = false;
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 200, "5"), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, DoesNotCountAMessageAgainstItselfWhenItRefusesForGood) {
    EXPECT_EQ(AtRcpt("ann@example.com", 400, "1"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 400, 1, "1"), "");
    usage_.Measure("ann@example.com", 400);
    for (const auto& [id, held] : usage_.entries["ann@example.com"].reservations)
        usage_.entries["ann@example.com"].measured_too.insert(id);
    EXPECT_EQ(AtRcpt("ann@example.com", 150, "2"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 500, 1, "2"), kPerhapsFull);
    EXPECT_EQ(AtRcpt("ann@example.com", 150, "3"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 601, 1, "3"), kFull);
}

TEST_F(MailboxQuotaCheckTest, HandlesStaleUsageByItsRule) {
    for (const auto& [rule, action] :
         {std::pair(StaleUsage::kTrust, kFull.c_str()), std::pair(StaleUsage::kIgnore, ""),
          std::pair(StaleUsage::kDefer, "452 4.2.2 Mailbox is full")}) {
        QuotaRules rules;
        rules.room.stale_usage = rule;
        rules.room.usage_max_age = std::chrono::milliseconds(1000);
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 1000);
        now_ = std::chrono::milliseconds(1000);
        EXPECT_EQ(AtRcpt("ann@example.com", 1), kFull) << "young enough";
        now_ = std::chrono::milliseconds(1001);
        EXPECT_EQ(AtRcpt("ann@example.com", 1), action);
    }
}

TEST_F(MailboxQuotaCheckTest, AFullDomainRefusesAlsoWhereTheMailboxIsFullByStaleUsage) {
    recipients_.Add("dan@shared.example", {"dan@shared.example"}, 800, 900);
    for (const bool reserves : {true, false}) {
        QuotaRules rules;
        rules.reservations = reserves;
        rules.room.stale_usage = StaleUsage::kIgnore;
        rules.room.usage_max_age = std::chrono::milliseconds(1000);
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("dan@shared.example", 800);
        now_ = std::chrono::milliseconds(1001);
        EXPECT_EQ(AtRcpt("dan@shared.example", 100), "") << reserves;
        EXPECT_EQ(AtRcpt("dan@shared.example", 101), kFull) << reserves;
    }
}

TEST_F(MailboxQuotaCheckTest, MailboxesShareWhatTheirDomainMayHold) {
    recipients_.Add("eve@shared.example", {"eve@shared.example"}, 0, 1000);
    recipients_.Add("dan@shared.example", {"dan@shared.example"}, 800, 1000);
    EXPECT_EQ(AtRcpt("eve@shared.example", 600, "1"), "");
    EXPECT_EQ(AtRcpt("dan@shared.example", 401, "2"), kPerhapsFull);
    EXPECT_EQ(AtRcpt("dan@shared.example", 400, "3"), "");
    EXPECT_EQ(AtRcpt("eve@shared.example", 1, "4"), kPerhapsFull);
    QuotaRules rules;
    rules.reservations = false;
    Use(rules);
    EXPECT_EQ(AtRcpt("eve@shared.example", 1), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, ADomainThatIsFullByWhatMayBeMeasuredAsWellRefusesNothingForGood) {
    recipients_.Add("eve@shared.example", {"eve@shared.example"}, 0, 1000);
    usage_.Measure("eve@shared.example", 500);
    EXPECT_EQ(AtRcpt("eve@shared.example", 400, "1"), "");
    EXPECT_EQ(AtRcpt("eve@shared.example", 200, "2"), kPerhapsFull);
    EXPECT_EQ(AtRcpt("eve@shared.example", 501, "3"), kFull);
    QuotaRules rules;
    rules.reservations = false;
    Use(rules);
    EXPECT_EQ(AtRcpt("eve@shared.example", 200), kPerhapsFull);
    EXPECT_EQ(AtRcpt("eve@shared.example", 501), kFull);
}

TEST_F(MailboxQuotaCheckTest, MailboxesShareHowManyMessagesTheirDomainMayHold) {
    recipients_.Add("eve@shared.example", {"eve@shared.example"}, 0, 0, 2);
    recipients_.Add("dan@shared.example", {"dan@shared.example"}, 0, 0, 2);
    EXPECT_EQ(AtRcpt("eve@shared.example", 1, "1"), "");
    EXPECT_EQ(AtRcpt("dan@shared.example", 1, "2"), "");
    EXPECT_EQ(AtRcpt("eve@shared.example", 1, "3"), kPerhapsFull);
    QuotaRules rules;
    rules.reservations = false;
    Use(rules);
    EXPECT_EQ(AtRcpt("dan@shared.example", 1), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, LooksAtACopyForItsTimeOnly) {
    QuotaRules rules;
    rules.reservations = false;
    rules.room.copy_time = std::chrono::milliseconds(1000);
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 100), "");
    usage_.Measure("ann@example.com", 1000);
    now_ = std::chrono::milliseconds(999);
    EXPECT_EQ(AtRcpt("ann@example.com", 100), "");
    now_ = std::chrono::milliseconds(1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 100), kFull);
}

TEST_F(MailboxQuotaCheckTest, MayAssumeWhatTheMessagesOfTheSiteHaveOnAverage) {
    QuotaRules rules;
    rules.size.undeclared_size = std::nullopt;
    rules.size.delivery_overhead = 50;
    Use(rules);
    usage_.Measure("archive@example.com", 3000, 10);
    EXPECT_EQ(AtRcpt("ann@example.com", 0, "2"), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 300u) << "with what delivery added";
    EXPECT_EQ(AtEnd("ann@example.com", 100, 1, "2"), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 150u);
}

TEST_F(MailboxQuotaCheckTest, AnAverageServesForAsLongAsThereIsNoNewerOne) {
    class UsageStore final : public test::MemoryUsageStore {
    public:
        async::Task<usage::Usage> FindSite() override {
            if (is_lost) throw outage::UsageStoreUnavailable("the store cannot tell");
            return MemoryUsageStore::FindSite();
        }
        bool is_lost = false;
    } usage;
    QuotaRules rules;
    rules.size.undeclared_size = std::nullopt;
    Use(rules, recipients_, usage);
    usage.Measure("archive@example.com", 3000, 10);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    Use(rules, recipients_, usage);  // a reload
    usage.is_lost = true;
    now_ = std::chrono::hours(1);
    EXPECT_EQ(AtRcpt("bob@example.com", 0), "");
    EXPECT_EQ(usage.ReservedIn("bob@example.com"), 300u);
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyForGoodByASizeThatIsAssumed) {
    for (const bool reserves : {true, false}) {
        QuotaRules rules;
        rules.size.undeclared_size = 300;
        rules.reservations = reserves;
        Use(rules);
        usage_.Measure("ann@example.com", 800);
        EXPECT_EQ(AtRcpt("ann@example.com", 0), kPerhapsFull);
        EXPECT_EQ(AtRcpt("ann@example.com", 300), kFull);
        usage_.Measure("ann@example.com", 1000);
        EXPECT_EQ(AtRcpt("ann@example.com", 0), kFull) << "not a byte fits";
    }
}

TEST_F(MailboxQuotaCheckTest, AddsWhatDeliveryAddsAndTheSizeThatIsAssumed) {
    QuotaRules rules;
    rules.size.undeclared_size = 300;
    rules.size.delivery_overhead = 50;
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 350u);
    EXPECT_EQ(AtEnd("ann@example.com", 100), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 150u);
    EXPECT_EQ(AtEnd("ann@example.com", 0), "") << "an empty message";
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 50u);
}

}  // namespace
}  // namespace policyd::checks
