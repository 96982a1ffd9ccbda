/// What becomes of messages: their recipients, their end and their connections.

#include "tests/unit/policyd/checks/mailbox_quota_check_fixture.hpp"

namespace policyd::checks {
namespace {

/// Where something else happens, or the store goes down, in the middle of an answer.
class UsageStoreOfMoments final : public test::MemoryUsageStore {
public:
    async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
        if (meanwhile) std::exchange(meanwhile, nullptr)();
        if (reservations_left == 0) down = true;
        --reservations_left;
        return MemoryUsageStore::Reserve(reservation);
    }

    std::function<void()> meanwhile;  ///< called once, before the next reservation
    int reservations_left = -1;       ///< then it goes down; -1: it does not
};

TEST_F(MailboxQuotaCheckTest, AlsoChecksAtTheEndWithoutHavingSeenTheRcpt) {
    EXPECT_EQ(AtEnd("ann@example.com", 1001), kFull);
    EXPECT_EQ(AtEnd("bob@example.com", 1000), "");
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
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, AMessageThatIsRefusedForOneNeitherFillsNorEmptiesTheOthers) {
    std::vector<std::string> told;
    QuotaWarnings warnings(usage_, recipients_, changed_, {{80}, 5},
                           [&](const Warning& warning) { told.push_back(warning.mailbox); });
    QuotaRules rules;
    rules.full_at_end_of_message = FullAtEndOfMessage::kDefer;
    rules.room.soft_time = std::chrono::milliseconds(1000);
    rules.exempt.recipients = AddressList({"team@example.com"});
    const MailboxQuotaCheck::Parts parts{recipients_.Cache(), usage_, warnings,
                                         messages_,           owed_,  average_};
    check_ = std::make_unique<MailboxQuotaCheck>(
        parts, rules, [this] { return now_; }, [this] { return text::WallTime(now_); });
    recipients_.Add("team@example.com", {"eve@example.com"}, 1000);
    usage_.Measure("ann@example.com", 900);
    for (const char* mailbox : {"bob@example.com", "eve@example.com"})
        usage_.entries[mailbox].full_since = std::chrono::milliseconds(0);
    const auto send = [&](std::uint64_t size) {
        for (const char* recipient : {"ann@example.com", "bob@example.com", "team@example.com"})
            EXPECT_EQ(AtRcpt(recipient, 0), "");
        return AtEnd("", size, 3);
    };
    EXPECT_EQ(send(900), kPerhapsFull);
    EXPECT_TRUE(told.empty());
    EXPECT_TRUE(usage_.entries["bob@example.com"].full_since.has_value());
    EndMessage("1");

    usage_.Measure("ann@example.com", 0);
    EXPECT_EQ(send(900), "");
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told,
              (std::vector<std::string>{"ann@example.com", "bob@example.com", "eve@example.com"}));
    EXPECT_FALSE(usage_.entries["bob@example.com"].full_since.has_value());
    EXPECT_TRUE(usage_.entries["eve@example.com"].full_since.has_value()) << "nobody looked";
    for (const char* mailbox : {"ann@example.com", "bob@example.com", "eve@example.com"})
        EXPECT_EQ(usage_.ReservedIn(mailbox), 900u) << mailbox;
}

TEST_F(MailboxQuotaCheckTest, NoSoftTimeEndsForAMessageThatIsRefusedForAnother) {
    QuotaRules rules;
    rules.full_at_end_of_message = FullAtEndOfMessage::kDefer;
    rules.room.soft_time = std::chrono::milliseconds(1000);
    for (const bool reserves : {true, false}) {
        rules.reservations = reserves;
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 900);
        usage_.entries["bob@example.com"].full_since = std::chrono::milliseconds(0);
        LetAnnAndBobPass();
        EXPECT_EQ(AtEnd("", 500, 2), kPerhapsFull) << reserves;
        EXPECT_TRUE(usage_.entries["bob@example.com"].full_since.has_value()) << reserves;
        usage_.Measure("ann@example.com", 0);
        LetAnnAndBobPass();
        EXPECT_EQ(AtEnd("", 500, 2), "") << reserves;
        EXPECT_FALSE(usage_.entries["bob@example.com"].full_since.has_value()) << reserves;
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, NoSoftTimeEndsForATargetThatIsFullAndWhoseMailIsLetInByARule) {
    QuotaRules rules;
    rules.full_at_end_of_message = FullAtEndOfMessage::kDefer;
    rules.room.soft_time = std::chrono::milliseconds(1000);
    rules.room.stale_usage = StaleUsage::kIgnore;
    rules.room.usage_max_age = std::chrono::milliseconds(1);
    for (const bool reserves : {true, false}) {
        rules.reservations = reserves;
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 900);
        usage_.entries["ann@example.com"].full_since = std::chrono::milliseconds(0);
        SetTime(std::chrono::milliseconds(10));
        LetAnnAndBobPass();
        EXPECT_EQ(AtEnd("", 500, 2), "") << reserves;
        EXPECT_TRUE(usage_.entries["ann@example.com"].full_since.has_value()) << reserves;
        SetTime(std::chrono::milliseconds(0));
        EndMessage("1");
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

TEST_F(MailboxQuotaCheckTest, RefusesForOneWhoWasAskedAboutMoreOftenThanAnybodyWasRefused) {
    QuotaRules rules;
    rules.full_at_end_of_message = FullAtEndOfMessage::kReject;
    Use(rules);
    usage_.Measure("ann@example.com", 900);
    LetAnnAndBobPass();
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 500, 2), kFull) << "one of three was refused later";
}

TEST_F(MailboxQuotaCheckTest, RefusesAtTheEndWhenEverybodyIsFull) {
    usage_.Measure("ann@example.com", 900);
    usage_.Measure("bob@example.com", 900);
    for (const auto rule :
         {FullAtEndOfMessage::kAccept, FullAtEndOfMessage::kDefer, FullAtEndOfMessage::kReject}) {
        QuotaRules rules;
        rules.full_at_end_of_message = rule;
        Use(rules);
        LetAnnAndBobPass();
        EXPECT_EQ(AtEnd("", 500, 2), kFull);
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, RefusesWhoIsFullAlsoWherePostfixAskedTwice) {
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 500, 1), kFull);
}

TEST_F(MailboxQuotaCheckTest, ARecipientIsTheSameAtTheEndHoweverItIsTyped) {
    EXPECT_EQ(AtRcpt("ann@example.com", 400), "");
    EXPECT_EQ(AtEnd("Ann@Example.com", 500), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
}

TEST_F(MailboxQuotaCheckTest, WhatDeliveryAddsIsChargedAlsoWhereARuleLetsMailIn) {
    for (const auto rule : {FullAtEndOfMessage::kAccept, FullAtEndOfMessage::kReject}) {
        QuotaRules rules;
        rules.full_at_end_of_message = rule;
        rules.size.delivery_overhead = 50;
        Use(rules);
        usage_.Measure("ann@example.com", rule == FullAtEndOfMessage::kAccept ? 900 : 0);
        LetAnnAndBobPass();
        EXPECT_EQ(AtEnd("", 500, 2), "");
        for (const char* mailbox : {"ann@example.com", "bob@example.com"})
            EXPECT_EQ(usage_.ReservedIn(mailbox), 550u) << mailbox;
        usage_.entries.clear();
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, DoesNotRefuseForRecipientsItNeverSaw) {
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 500, 2), "") << "the other of the two may have room";
}

TEST_F(MailboxQuotaCheckTest, RefusesNobodyWhoseMailGoesElsewhereForThoseWhoWereRefusedLater) {
    for (const bool reserves : {true, false}) {
        FillAnnAndBobAndLetThemPass(reserves);
        EXPECT_EQ(AtRcpt("x@remote.example", 0), "");
        EXPECT_EQ(AtRcpt("y@remote.example", 0), "");
        EXPECT_EQ(AtEnd("", 500, 2), "") << "x and y are the two who were accepted";
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, OneWhoDoesNotExistLetsNoMessageIntoFullMailboxes) {
    recipients_.AddUnknown("nobody@example.com");
    recipients_.AddDeferred("later@example.com");
    for (const bool reserves : {true, false}) {
        FillAnnAndBobAndLetThemPass(reserves);
        for (const char* recipient : {"nobody@example.com", "later@example.com"}) {
            EXPECT_EQ(AtRcpt(recipient, 0), "");
            findings_ = {};
            WasLetPass(Stage::kRcpt, recipient, 0);
        }
        EXPECT_EQ(AtEnd("", 500, 2), kFull) << reserves;
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, NobodyIsRefusedForGoodWithOneWhoIsPerhapsFull) {
    for (const auto& [first, second] : {std::pair("ann@example.com", "bob@example.com"),
                                        std::pair("bob@example.com", "ann@example.com")}) {
        usage_.entries.clear();
        EXPECT_EQ(AtRcpt("bob@example.com", 600, "1"), "") << "and it may be aborted";
        usage_.Measure("ann@example.com", 900);
        EXPECT_EQ(AtRcpt(first, 0, "2"), "");
        EXPECT_EQ(AtRcpt(second, 0, "2"), "");
        EXPECT_EQ(AtEnd("", 500, 2, "2"), kPerhapsFull) << first;
        EndMessage("2");
    }
}

TEST_F(MailboxQuotaCheckTest, AMessageWithoutAnyRecipientIsNotRefused) {
    EXPECT_EQ(AtEnd("", 500, 0), "");
}

TEST_F(MailboxQuotaCheckTest, TheBytesOfAMessageThatWasRefusedAreNotThoseOfTheNext) {
    recipients_.Add("eve@example.com", {"eve@example.com"}, 1000);
    usage_.Measure("ann@example.com", 900);
    usage_.Measure("eve@example.com", 700);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("ann@example.com", 500, 1), kFull);
    EXPECT_EQ(AtRcpt("eve@example.com", 500), "") << "Postfix tells ann's, as none is known yet";
    EXPECT_EQ(AtEnd("", 700, 2), "");
    EXPECT_EQ(usage_.ReservedIn("eve@example.com"), 200u);
    EndMessage("1");
    EXPECT_EQ(AtRcpt("eve@example.com", 500, "2"), kFull) << "its own size";
}

TEST_F(MailboxQuotaCheckTest, NobodyIsRefusedForGoodForAnotherWhoIsFullAndAskedAboutTwice) {
    for (const auto rule : {FullAtEndOfMessage::kAccept, FullAtEndOfMessage::kReject}) {
        QuotaRules rules;
        rules.full_at_end_of_message = rule;
        Use(rules);
        usage_.Measure("ann@example.com", 900);
        EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
        EXPECT_EQ(AtRcpt("ann@example.com", 0), "") << "the service is in two lists";
        EXPECT_EQ(AtEnd("", 500, 2), kPerhapsFull) << "the other one was accepted unasked";
        EndMessage("1");
    }
}

TEST_F(MailboxQuotaCheckTest, WhoIsAskedAboutTwiceDoesNotStandForOneWhoseMailGoesElsewhere) {
    usage_.Measure("ann@example.com", 900);
    for (const char* recipient : {"ann@example.com", "x@remote.example"}) {
        EXPECT_EQ(AtRcpt(recipient, 0), "");
        EXPECT_EQ(AtRcpt(recipient, 0), "");
    }
    EXPECT_EQ(AtEnd("", 500, 2), "");
}

TEST_F(MailboxQuotaCheckTest, ARecipientWhoseMailGoesElsewhereWhenAskedAboutAgainGivesItsRoomBack) {
    EXPECT_EQ(AtRcpt("team@example.com", 500), "");
    recipients_.Add("team@example.com", {"bob@example.com", "eve@example.com"}, 1000);
    EXPECT_EQ(AtRcpt("team@example.com", 500), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 500u);
    EXPECT_EQ(usage_.ReservedIn("eve@example.com"), 500u);
    recipients_.Add("team@example.com", {}, 0);
    EXPECT_EQ(AtRcpt("team@example.com", 500), "");
    for (const char* mailbox : {"bob@example.com", "eve@example.com"})
        EXPECT_EQ(usage_.ReservedIn(mailbox), 0u) << mailbox;
}

TEST_F(MailboxQuotaCheckTest, AlsoOneThatIsLetPassForWantOfTimeGivesBackTheRoomThatItLeaves) {
    EXPECT_EQ(AtRcpt("team@example.com", 500), "");
    recipients_.Add("team@example.com", {"bob@example.com"}, 1000);
    findings_ = {};
    WasLetPass(Stage::kRcpt, "team@example.com", 500);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 500u);
}

TEST_F(MailboxQuotaCheckTest, ARequestThatWasNotCountedTakesBackNoEarlierOne) {
    EXPECT_EQ(AtRcpt("ann@example.com", 500), "");
    findings_ = {};
    WasRefused(Stage::kRcpt, "ann@example.com", 500);
    EXPECT_EQ(messages_.Recipients(NameOf("1"), now_).front().asked, 1u);
    findings_ = {};
    WasLetPass(Stage::kRcpt, "ann@example.com", 500);
    WasLetPass(Stage::kRcpt, "ann@example.com", 500);
    EXPECT_EQ(messages_.Recipients(NameOf("1"), now_).front().asked, 2u) << "once for each request";
}

TEST_F(MailboxQuotaCheckTest, WhoIsRefusedForBeingNamedTooOftenIsCountedWhereThatIsOnlyLogged) {
    for (int naming = 1; naming <= 11; ++naming)
        EXPECT_EQ(AtRcpt("ann@example.com", 0) == "", naming <= 10) << naming;
    const auto asked = [this] { return messages_.Recipients(NameOf("1"), now_).front().asked; };
    EXPECT_EQ(asked(), 10u);
    WasLetPass(Stage::kRcpt, "ann@example.com", 0);
    EXPECT_EQ(asked(), 11u);
}

TEST_F(MailboxQuotaCheckTest, QuestionsAboutNoMessageLeaveNothingBehind) {
    EXPECT_EQ(AtRcpt("ann@example.com", 500, ""), "");
    WasLetPass(Stage::kRcpt, "ann@example.com", 500, "");
    WasRefused(Stage::kRcpt, "ann@example.com", 500, "");
    WasLetPass(Stage::kEndOfMessage, "ann@example.com", 500, "");
    EXPECT_EQ(messages_.Size(), 0u);
    EXPECT_EQ(owed_.Size(), 0u);
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, NothingIsOwedWhereNothingIsReserved) {
    QuotaRules rules;
    rules.reservations = false;
    Use(rules);
    LetAnnAndBobPass();
    WasLetPass(Stage::kEndOfMessage, "", 500);
    EXPECT_EQ(owed_.Size(), 0u);
}

TEST_F(MailboxQuotaCheckTest, WhatIsReservedAfterItsConnectionIsGoneIsGivenBack) {
    UsageStoreOfMoments usage;
    Use({}, recipients_, usage);
    usage.meanwhile = [this] { LeaveMessage("1"); };
    EXPECT_EQ(AtRcpt("ann@example.com", 500), "");
    EXPECT_EQ(usage.ReservedIn("ann@example.com"), 0u);
}

TEST_F(MailboxQuotaCheckTest, MailThatARuleLetsInIsChargedAlsoWhereTheStoreGoesDownThen) {
    UsageStoreOfMoments usage;
    Use({}, recipients_, usage);
    usage.Measure("ann@example.com", 900);
    LetAnnAndBobPass();
    usage.reservations_left = 2;
    EXPECT_EQ(AtEnd("", 500, 2), "");
    EXPECT_EQ(owed_.Size(), 1u);
    usage.down = false;
    test::RunToEnd(owed_.Pay(usage, [this] { return now_; }));
    EXPECT_EQ(usage.ReservedIn("ann@example.com"), 500u);
}

TEST_F(MailboxQuotaCheckTest, OneRecipientTooManyIsRefusedForNow) {
    MessageTracker few(100, std::chrono::hours(1), 2);
    const MailboxQuotaCheck::Parts parts{
        recipients_.Cache(), usage_, warnings_, few, owed_, average_};
    check_ = std::make_unique<MailboxQuotaCheck>(
        parts, QuotaRules(), [this] { return now_; }, [this] { return text::WallTime(now_); });
    LetAnnAndBobPass();
    for (const char* recipient : {"team@example.com", "x@remote.example"})
        EXPECT_EQ(AtRcpt(recipient, 0), "452 4.5.3 Too many recipients") << recipient;
    EXPECT_EQ(AtRcpt("bob@example.com", 0), "") << "he is one already";
    EXPECT_EQ(AtEnd("", 100, 3), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 100u);
    EXPECT_EQ(AtRcpt("team@example.com", 0, "2"), "") << "the rest comes in another message";
}

TEST_F(MailboxQuotaCheckTest, ARecipientThatIsNamedTwiceIsNoWayAroundTheLimit) {
    recipients_.Add("ANN@example.com", {"ann@example.com"}, 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtRcpt("ANN@example.com", 0), "");
    EXPECT_EQ(AtEnd("", 1001, 2), kPerhapsFull);
    EXPECT_EQ(AtEnd("", 1000, 2), "");
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 1000u) << "one copy is delivered";
}

TEST_F(MailboxQuotaCheckTest, WhoIsNamedAgainAndAgainIsRefusedForNow) {
    recipients_.Add("ANN@example.com", {"ann@example.com"}, 1000);
    for (int naming = 0; naming < 10; ++naming) EXPECT_EQ(AtRcpt("ann@example.com", 100), "");
    const std::string refusal = "452 4.5.3 Recipient is named too often";
    for (int naming = 0; naming < 3; ++naming) EXPECT_EQ(AtRcpt("ANN@example.com", 100), refusal);
    EXPECT_EQ(AtRcpt("bob@example.com", 100), "");
    EXPECT_EQ(AtRcpt("ann@example.com", 100, "2"), "") << "another message";
    EXPECT_EQ(AtEnd("", 100, 11), "");
    EXPECT_EQ(usage_.ReservedIn("bob@example.com"), 100u);
}

TEST_F(MailboxQuotaCheckTest, AlsoAtHandWhoIsNamedAgainAndAgainIsRefusedForNow) {
    QuotaRules rules;
    rules.reservations = false;
    rules.room.copy_time = std::chrono::milliseconds(1000);
    test::FixedRecipients remembered{std::chrono::milliseconds(1000)};
    remembered.Add("ann@example.com", {"ann@example.com"}, 1000);
    Use(rules, remembered);
    EXPECT_EQ(AtRcpt("ann@example.com", 100), "");
    for (int naming = 1; naming < 10; ++naming)
        EXPECT_EQ(AtHand("ann@example.com", 100), "") << naming;
    EXPECT_EQ(AtHand("ann@example.com", 100), "452 4.5.3 Recipient is named too often");
    EXPECT_EQ(AtHand("ann@example.com", 100, "2"), "") << "another message";
}

TEST_F(MailboxQuotaCheckTest, WhoWasAcceptedBeforeStaysARecipientWhenHeIsRefusedInTime) {
    EXPECT_EQ(AtRcpt("ann@example.com", 100), "");
    usage_.Measure("ann@example.com", 1000);
    EXPECT_EQ(AtRcpt("ann@example.com", 100), kFull) << "too late: the time limit has refused";
    WasRefused(Stage::kRcpt, "ann@example.com", 100);
    EXPECT_TRUE(messages_.Expects(NameOf("1"), "ann@example.com"));
}

TEST_F(MailboxQuotaCheckTest, WhoseMailGoesElsewhereOrIsExemptMayBeNamedAtWill) {
    QuotaRules rules;
    rules.exempt.recipients = AddressList({"bob@example.com"});
    Use(rules);
    for (int naming = 0; naming < 12; ++naming) {
        EXPECT_EQ(AtRcpt("x@remote.example", 100), "");
        EXPECT_EQ(AtRcpt("bob@example.com", 100), "");
    }
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
    EXPECT_EQ(AtEnd("", 1000, 2), kFull) << "Postfix goes on counting ann";
    EXPECT_EQ(AtEnd("", 1000, 2), kFull) << "and when it asks again";
    EXPECT_EQ(AtRcpt("ann@example.com", 1000), "");
    EXPECT_EQ(AtEnd("", 1500, 4), "") << "one of the last two was never seen";
}

}  // namespace
}  // namespace policyd::checks
