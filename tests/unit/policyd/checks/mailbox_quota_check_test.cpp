#include "policyd/checks/mailbox_quota_check.hpp"

#include <gtest/gtest.h>

#include "common/protocol/message_name.hpp"
#include "tests/support/fixed_recipients.hpp"
#include "tests/support/memory_usage_store.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::checks {
namespace {

using protocol::PolicyRequest;
using protocol::Stage;

class MailboxQuotaCheckTest : public testing::Test {
protected:
    MailboxQuotaCheckTest() {
        recipients_.Add("ann@example.com", {"ann@example.com"}, 1000);
        recipients_.Add("bob@example.com", {"bob@example.com"}, 1000);
        recipients_.Add("team@example.com", {"ann@example.com", "bob@example.com"}, 1000);
        recipients_.Add("archive@example.com", {"archive@example.com"}, 0);
        Use({});
    }

    void Use(const QuotaRules& rules) {
        const MailboxQuotaCheck::Parts parts{recipients_.Cache(), usage_, warnings_, messages_,
                                             owed_};
        check_ = std::make_unique<MailboxQuotaCheck>(
            parts, rules, [this] { return now_; }, [this] { return text::WallTime(now_); });
    }

    void SetTime(std::chrono::milliseconds now) { now_ = usage_.now = now; }

    /// The action, "" for no opinion.
    std::string AtRcpt(std::string_view recipient, std::uint64_t size,
                       std::string_view instance = "1") {
        return Ask(Stage::kRcpt, recipient, size, 0, instance);
    }
    /// Both are recipients of a message of which no size is known yet.
    void LetAnnAndBobPass() {
        for (const char* recipient : {"ann@example.com", "bob@example.com"})
            EXPECT_EQ(AtRcpt(recipient, 0), "") << recipient;
    }
    std::string AtEnd(std::string_view recipient, std::uint64_t size, std::uint64_t count = 1,
                      std::string_view instance = "1") {
        return Ask(Stage::kEndOfMessage, recipient, size, count, instance);
    }
    /// The action in an outage of the store: "no opinion", or "nothing" where nothing is
    /// remembered.
    std::string Remembered(std::string_view recipient, std::uint64_t size) {
        PolicyRequest request;
        request.stage = Stage::kRcpt;
        request.recipient = recipient;
        request.size = size;
        Findings findings;
        const auto known = recipients_.Cache().Remembered(recipient, std::chrono::hours(1));
        if (known) findings.recipients.push_back({std::string(recipient), known});
        const auto verdict = check_->AsRemembered(request, findings);
        if (!verdict) return "nothing";
        return verdict->HasOpinion() ? verdict->action : "no opinion";
    }
    void EndMessage(std::string_view instance) { Finish(check_->EndMessage(NameOf(instance))); }
    void LeaveMessage(std::string_view instance) { Finish(check_->LeaveMessage(NameOf(instance))); }
    void WasLetPass(Stage stage, std::string_view recipient, std::uint64_t size,
                    std::string_view instance = "1") {
        const PolicyRequest request = Request(stage, recipient, size, 0, instance);
        test::RunToEnd(Done(check_->WasLetPass(request, findings_)));
    }
    void WasRefused(Stage stage, std::string_view recipient, std::uint64_t size,
                    std::string_view instance = "1") {
        const PolicyRequest request = Request(stage, recipient, size, 0, instance);
        test::RunToEnd(Done(check_->WasRefused(request, findings_)));
    }
    /// The store is told what it missed.
    void Pay() { test::RunToEnd(Done(owed_.Pay(usage_, now_))); }

    /// And so many bytes are reserved for each of ann and bob then.
    void PayAndExpectReserved(std::uint64_t bytes) {
        Pay();
        for (const char* mailbox : {"ann@example.com", "bob@example.com"})
            EXPECT_EQ(usage_.ReservedIn(mailbox), bytes) << mailbox;
    }

    static PolicyRequest Request(Stage stage, std::string_view recipient, std::uint64_t size,
                                 std::uint64_t count, std::string_view instance) {
        PolicyRequest request;
        request.stage = stage;
        request.recipient = recipient;
        request.size = size;
        request.recipient_count = count;
        request.instance = instance;
        request.postfix_host = "mx1";
        return request;
    }

    std::string Ask(Stage stage, std::string_view recipient, std::uint64_t size,
                    std::uint64_t count, std::string_view instance) {
        const PolicyRequest request = Request(stage, recipient, size, count, instance);
        findings_ = {};
        return test::RunToEnd(check_->Evaluate(request, findings_)).action;
    }

    std::string NameOf(std::string_view instance) {
        PolicyRequest request;
        request.instance = instance;
        request.postfix_host = "mx1";
        return protocol::MessageName(request);
    }

    static void Finish(PolicyCheck::Rest rest) {
        if (rest) test::RunToEnd(std::move(*rest));
    }
    static async::Task<bool> Done(async::Task<void> task) {
        co_await task;
        co_return true;
    }

    std::chrono::milliseconds now_{0};
    test::FixedRecipients recipients_;
    test::MemoryUsageStore usage_;
    ChangedMailboxes changed_;
    QuotaWarnings warnings_{usage_, recipients_, changed_, {}, [](const Warning&) {}};
    MessageTracker messages_{100, std::chrono::hours(1)};
    Findings findings_;  // of the last request
    OwedChanges owed_{100};
    std::unique_ptr<MailboxQuotaCheck> check_;
    const std::string kFull = "552 5.2.2 Mailbox is full";
    const std::string kPerhapsFull = "452 4.2.2 Mailbox is full";
};

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

TEST_F(MailboxQuotaCheckTest, AlsoChecksAtTheEndWithoutHavingSeenTheRcpt) {
    EXPECT_EQ(AtEnd("ann@example.com", 1001), kFull);
    EXPECT_EQ(AtEnd("bob@example.com", 1000), "");
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
    rules.delivery_overhead = 1000;
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

TEST_F(MailboxQuotaCheckTest, AtTheEndOfSeveralRecipientsTheOnesFromRcptCount) {
    LetAnnAndBobPass();
    EXPECT_EQ(AtEnd("", 500, 2), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 500u);
}

TEST_F(MailboxQuotaCheckTest, NobodyWithRoomIsRefusedForAnothersFullMailbox) {
    usage_.Measure("ann@example.com", 900);
    LetAnnAndBobPass();
    EXPECT_EQ(AtEnd("", 500, 2), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u) << "it is delivered all the same";
}

TEST_F(MailboxQuotaCheckTest, DefersOrRejectsForOneFullMailboxWhereThatIsTheRule) {
    for (const auto& [rule, action] :
         {std::pair(FullAtEndOfMessage::kDefer, "452 4.2.2 Mailbox is full"),
          std::pair(FullAtEndOfMessage::kReject, "552 5.2.2 Mailbox is full")}) {
        QuotaRules rules;
        rules.full_at_end_of_message = rule;
        Use(rules);
        usage_.Measure("ann@example.com", 900);
        EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
        EXPECT_EQ(AtRcpt("bob@example.com", 0), "");
        EXPECT_EQ(AtEnd("", 500, 2), action);
        EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 0u);
    }
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyForOneWhoMayNotHaveBeenAccepted) {
    for (const auto rule : {FullAtEndOfMessage::kDefer, FullAtEndOfMessage::kReject}) {
        QuotaRules rules;
        rules.full_at_end_of_message = rule;
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 900);
        for (const char* recipient : {"ann@example.com", "bob@example.com", "team@example.com"})
            EXPECT_EQ(AtRcpt(recipient, 0), "");
        EXPECT_EQ(AtEnd("", 500, 2), "") << "ann may be the one who was refused later";
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, RefusesAtTheEndWhenEverybodyIsFull) {
    usage_.Measure("ann@example.com", 900);
    usage_.Measure("bob@example.com", 900);
    LetAnnAndBobPass();
    EXPECT_EQ(AtEnd("", 500, 2), kFull);
}

TEST_F(MailboxQuotaCheckTest, DoesNotRefuseForRecipientsItNeverSaw) {
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 500, 2), "") << "the other of the two may have room";
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyWhoseMailGoesElsewhereForThoseWhoWereRefusedLater) {
    for (const bool reserves : {true, false}) {
        QuotaRules rules;
        rules.reservations = reserves;
        rules.room.copy_time = std::chrono::milliseconds(1000);
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 900);
        usage_.Measure("bob@example.com", 900);
        LetAnnAndBobPass();
        EXPECT_EQ(AtRcpt("x@remote.example", 0), "");
        EXPECT_EQ(AtRcpt("y@remote.example", 0), "");
        EXPECT_EQ(AtEnd("", 500, 2), "") << "x and y are the two who were accepted";
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, OneWhoDoesNotExistLetsNoMessageIntoFullMailboxes) {
    recipients_.AddUnknown("nobody@example.com");
    for (const bool reserves : {true, false}) {
        QuotaRules rules;
        rules.reservations = reserves;
        rules.room.copy_time = std::chrono::milliseconds(1000);
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 900);
        usage_.Measure("bob@example.com", 900);
        LetAnnAndBobPass();
        EXPECT_EQ(AtRcpt("nobody@example.com", 0), "");
        EXPECT_EQ(AtEnd("", 500, 2), kFull) << reserves;
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, ARecipientAfterARefusalInAnOutageIsTheFirstOfAnotherMessage) {
    QuotaRules rules;
    rules.reservations = false;
    rules.full_at_end_of_message = FullAtEndOfMessage::kReject;
    Use(rules);
    usage_.Measure("ann@example.com", 900);
    recipients_.Add("eve@example.com", {"eve@example.com"}, 1000);
    LetAnnAndBobPass();
    usage_.down = true;
    EXPECT_THROW(AtEnd("", 500, 2), outage::UsageStoreUnavailable);
    WasRefused(Stage::kEndOfMessage, "", 500);
    usage_.down = false;
    EXPECT_EQ(AtRcpt("eve@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 500, 3), "") << "it goes to eve alone";
}

TEST_F(MailboxQuotaCheckTest, WhoIsAskedAboutTwiceDoesNotStandForOneWhoseMailGoesElsewhere) {
    usage_.Measure("ann@example.com", 900);
    for (const char* recipient : {"ann@example.com", "x@remote.example"}) {
        EXPECT_EQ(AtRcpt(recipient, 0), "");
        EXPECT_EQ(AtRcpt(recipient, 0), "");
    }
    EXPECT_EQ(AtEnd("", 500, 2), "");
}

TEST_F(MailboxQuotaCheckTest, RecipientsThatALaterRestrictionRefusedGiveTheirRoomBack) {
    EXPECT_EQ(AtRcpt("ann@example.com", 500), "");
    EXPECT_EQ(AtRcpt("bob@example.com", 500), "");
    EXPECT_EQ(AtEnd("bob@example.com", 500, 1), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 500u);
}

TEST_F(MailboxQuotaCheckTest, AnAbortedMessageGivesItsRoomBackAndAnAcceptedOneKeepsIt) {
    EXPECT_EQ(AtRcpt("ann@example.com", 500, "1"), "");
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
    EXPECT_EQ(AtRcpt("ann@example.com", 500, "2"), "");
    EXPECT_EQ(AtEnd("ann@example.com", 500, 1, "2"), "");
    EndMessage("2");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
}

TEST_F(MailboxQuotaCheckTest, AMessageGoesOnOverAnotherConnection) {
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

TEST_F(MailboxQuotaCheckTest, WhatAnotherServerAcceptedIsNotGivenBackByThisOne) {
    EXPECT_EQ(AtRcpt("ann@example.com", 400), "");
    const usage::Reservation elsewhere{NameOf("1") + " ann@example.com", 450,
                                       {{"ann@example.com", 1000, 0}},   {},
                                       usage::Needs::kRoomInAll,         true};
    test::RunToEnd(usage_.Reserve(elsewhere));
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 450u);
}

TEST_F(MailboxQuotaCheckTest, ARecipientThatIsNamedTwiceIsNoWayAroundTheLimit) {
    recipients_.Add("ANN@example.com", {"ann@example.com"}, 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtRcpt("ANN@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 1001, 2), kFull);
    EXPECT_EQ(AtEnd("", 1000, 2), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 1000u) << "one copy is delivered";
}

TEST_F(MailboxQuotaCheckTest, MailThatWasLetInDuringAnOutageIsChargedAfterIt) {
    LetAnnAndBobPass();
    usage_.down = true;
    EXPECT_THROW(AtEnd("", 1500, 2), outage::UsageStoreUnavailable);
    WasLetPass(Stage::kEndOfMessage, "", 1500);
    EndMessage("1");
    Pay();
    EXPECT_EQ(owed_.Size(), 2u);
    usage_.down = false;
    Pay();
    EXPECT_EQ(owed_.Size(), 0u);
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 1500u);
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 1500u);
    EXPECT_EQ(AtRcpt("ann@example.com", 1, "2"), kPerhapsFull);
}

TEST_F(MailboxQuotaCheckTest, MailThatWasDeferredForAnOutageGivesItsRoomBackAfterIt) {
    EXPECT_EQ(AtRcpt("ann@example.com", 500), "");
    usage_.down = true;
    EXPECT_THROW(AtEnd("ann@example.com", 500), outage::UsageStoreUnavailable);
    WasRefused(Stage::kEndOfMessage, "ann@example.com", 500);
    usage_.down = false;
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, WhoAsksAboutTheEndAgainOverAnotherConnectionGetsTheSameAnswer) {
    usage_.Measure("ann@example.com", 900);
    usage_.Measure("bob@example.com", 900);
    LetAnnAndBobPass();
    EXPECT_EQ(AtEnd("", 500, 2), kFull);
    LeaveMessage("1");
    EXPECT_EQ(AtEnd("", 500, 2), kFull);
    LeaveMessage("1");
    EXPECT_EQ(AtEnd("", 100, 2), "");
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 100u);
}

TEST_F(MailboxQuotaCheckTest, WhatBecameOfAMessageIsToldAfterTheConnectionHasGoneOn) {
    LetAnnAndBobPass();
    EXPECT_EQ(AtEnd("", 2000, 2), kFull);
    EndMessage("1");
    WasLetPass(Stage::kEndOfMessage, "", 2000);
    PayAndExpectReserved(2000);
}

TEST_F(MailboxQuotaCheckTest, WhatWasRefusedTooLateIsGivenBackAfterTheConnectionHasGoneOn) {
    LetAnnAndBobPass();
    EXPECT_EQ(AtEnd("", 500, 2), "");
    EndMessage("1");
    WasRefused(Stage::kEndOfMessage, "", 500);
    PayAndExpectReserved(0);
}

TEST_F(MailboxQuotaCheckTest, WhatIsAskedAgainInAnOutageStaysOwed) {
    LetAnnAndBobPass();
    usage_.down = true;
    for (int i = 0; i < 2; ++i) {
        EXPECT_THROW(AtEnd("", 500, 2), outage::UsageStoreUnavailable);
        LeaveMessage("1");
        WasLetPass(Stage::kEndOfMessage, "", 500);
    }
    usage_.down = false;
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
}

TEST_F(MailboxQuotaCheckTest, AMessageOfWhichOnlyTheEndWasSeenIsGivenBackWhereItIsRefused) {
    EXPECT_EQ(AtEnd("ann@example.com", 500), "");
    WasRefused(Stage::kEndOfMessage, "ann@example.com", 500);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, RoomThatCouldNotBeGivenBackDuringAnOutageIsGivenBackAfterIt) {
    EXPECT_EQ(AtRcpt("ann@example.com", 500), "");
    usage_.down = true;
    EndMessage("1");
    usage_.down = false;
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, WhatIsAskedAgainAfterAnOutageIsNotUndoneByWhatIsOwed) {
    usage_.down = true;
    EXPECT_THROW(AtRcpt("ann@example.com", 500), outage::UsageStoreUnavailable);
    WasRefused(Stage::kRcpt, "ann@example.com", 500);
    usage_.down = false;
    EXPECT_EQ(AtRcpt("ann@example.com", 500), "");
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
}

TEST_F(MailboxQuotaCheckTest, ChargesMailThatIsLetInAlthoughItWouldBeRefused) {
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 100), kFull);
    WasLetPass(Stage::kRcpt, "ann@example.com", 100);
    EXPECT_EQ(AtEnd("ann@example.com", 100), kFull);
    WasLetPass(Stage::kEndOfMessage, "ann@example.com", 100);
    EndMessage("1");
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 100u);
}

TEST_F(MailboxQuotaCheckTest, ThrowsWhenTheStoreCannotTellAndChecksAgainAtTheEnd) {
    usage_.Measure("ann@example.com", 1000);
    usage_.down = true;
    EXPECT_THROW(AtRcpt("ann@example.com", 1), outage::UsageStoreUnavailable);
    usage_.down = false;
    EXPECT_EQ(AtEnd("", 1, 1), kFull) << "the recipient was remembered";
}

TEST_F(MailboxQuotaCheckTest, OnlyLooksWithoutAnInstanceOrWithReservationsOff) {
    EXPECT_EQ(AtRcpt("ann@example.com", 600, ""), "");
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

TEST_F(MailboxQuotaCheckTest, CountsButNeverRefusesExemptMail) {
    QuotaRules rules;
    rules.exempt.senders = AddressList({"<>"});
    Use(rules);
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 100), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 100u);
}

TEST_F(MailboxQuotaCheckTest, ARecipientThatWasRefusedIsNoneAtTheEnd) {
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), kFull);
    EXPECT_EQ(AtRcpt("bob@example.com", 0), "");
    usage_.Measure("ann@example.com", 0);
    EXPECT_EQ(AtEnd("", 500, 2), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, ARefusalAtTheEndIsTheSameWhenItIsAskedAgain) {
    LetAnnAndBobPass();
    EXPECT_EQ(AtEnd("", 1001, 2), kFull);
    EXPECT_EQ(AtEnd("", 1001, 2), kFull);
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
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

TEST_F(MailboxQuotaCheckTest, ARecipientAfterARefusalAtTheEndIsChargedAlone) {
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("ann@example.com", 500), kFull);
    EXPECT_EQ(AtRcpt("bob@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 400, 2), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 400u);
}

TEST_F(MailboxQuotaCheckTest, ARecipientAfterARefusalAtTheEndIsRefusedAlone) {
    usage_.Measure("ann@example.com", 900);
    usage_.Measure("bob@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("ann@example.com", 500), kFull);
    EXPECT_EQ(AtRcpt("bob@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 500, 2), kFull) << "Postfix goes on counting ann";
    EXPECT_EQ(AtEnd("", 500, 2), kFull) << "and when it asks again";
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 500, 4), "") << "one of the last two was never seen";
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

TEST_F(MailboxQuotaCheckTest, WhatIsRefusedWhenItIsAskedAgainIsGivenBackWithItsMessage) {
    EXPECT_EQ(AtRcpt("ann@example.com", 300, "1"), "");
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 300, "1"), kFull);
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 300u);
    EndMessage("1");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
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

TEST_F(MailboxQuotaCheckTest, WhatIsRememberedServesInAnOutageAndRefusesNothingForGood) {
    for (const bool reservations : {true, false}) {
        QuotaRules rules;
        rules.reservations = reservations;
        rules.room.stale_time = std::chrono::milliseconds(1000);
        rules.recipient_stale_time = std::chrono::hours(1);
        Use(rules);
        now_ = std::chrono::milliseconds(0);
        usage_.Measure("ann@example.com", 900);
        const std::string id = reservations ? "reserved" : "";
        EXPECT_EQ(AtRcpt("ann@example.com", 50, id), "");
        usage_.down = true;
        now_ = std::chrono::milliseconds(999);
        EXPECT_EQ(Remembered("ann@example.com", 50), "no opinion");
        EXPECT_EQ(Remembered("ann@example.com", 101), rules.mailbox_full_defer_action);
        EXPECT_EQ(Remembered("bob@example.com", 1), "nothing") << "never asked about";
        now_ = std::chrono::milliseconds(1000);
        EXPECT_EQ(Remembered("ann@example.com", 50), "nothing") << "too old";
        usage_.down = false;
    }
}

TEST_F(MailboxQuotaCheckTest, MayAssumeWhatTheMessagesOfTheSiteHaveOnAverage) {
    QuotaRules rules;
    rules.undeclared_size = std::nullopt;
    rules.delivery_overhead = 50;
    Use(rules);
    EXPECT_EQ(AtRcpt("bob@example.com", 0, "1"), "");
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 0u) << "there is no message yet";
    Use(rules);
    usage_.Measure("archive@example.com", 3000, 10);
    EXPECT_EQ(AtRcpt("ann@example.com", 0, "2"), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 300u) << "with what delivery added";
    EXPECT_EQ(AtEnd("ann@example.com", 100, 1, "2"), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 150u);
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyForGoodByASizeThatIsAssumed) {
    for (const bool reserves : {true, false}) {
        QuotaRules rules;
        rules.undeclared_size = 300;
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
    rules.undeclared_size = 300;
    rules.delivery_overhead = 50;
    Use(rules);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 350u);
    EXPECT_EQ(AtEnd("ann@example.com", 100), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 150u);
}

}  // namespace
}  // namespace policyd::checks
