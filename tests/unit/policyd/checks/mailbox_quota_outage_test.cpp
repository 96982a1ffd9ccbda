/// What is said while something cannot be asked, and what is made up for afterwards.

#include "tests/unit/policyd/checks/mailbox_quota_check_fixture.hpp"

namespace policyd::checks {
namespace {

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

TEST_F(MailboxQuotaCheckTest, AlsoInAnOutageTheBytesOfAMessageThatWasRefusedAreNotCharged) {
    recipients_.Add("eve@example.com", {"eve@example.com"}, 1000);
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 0), "");
    EXPECT_EQ(AtEnd("ann@example.com", 500, 1), kFull);
    EXPECT_EQ(AtRcpt("eve@example.com", 500), "");
    usage_.down = true;
    EXPECT_THROW(AtEnd("", 700, 2), outage::UsageStoreUnavailable);
    WasLetPass(Stage::kEndOfMessage, "", 700);
    usage_.down = false;
    Pay();
    EXPECT_EQ(usage_.ReservedIn("eve@example.com"), 200u);
}

TEST_F(MailboxQuotaCheckTest, ARecipientIsCountedOnceWhereTheStoreCannotBeAsked) {
    usage_.down = true;
    for (const char* instance : {"1", "2"})
        EXPECT_THROW(AtRcpt("ann@example.com", 500, instance), outage::UsageStoreUnavailable);
    WasRefused(Stage::kRcpt, "ann@example.com", 500, "2");
    EXPECT_TRUE(messages_.Recipients(NameOf("2"), now_).empty());
    EXPECT_THROW(AtRcpt("bob@example.com", 500, "1"), outage::UsageStoreUnavailable);
    WasLetPass(Stage::kRcpt, "bob@example.com", 500, "1");
    EXPECT_EQ(messages_.Recipients(NameOf("1"), now_).back().asked, 1u);
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

TEST_F(MailboxQuotaCheckTest, AnAnswerToRcptThatComesAfterTheEndTakesNothingOffTheSize) {
    usage_.Measure("ann@example.com", 900);
    EXPECT_EQ(AtRcpt("ann@example.com", 500), kFull);
    Findings of_rcpt = findings_;
    SetTime(std::chrono::milliseconds(2000));
    EXPECT_EQ(AtEnd("ann@example.com", 500), kFull);
    std::swap(of_rcpt, findings_);
    WasLetPass(Stage::kRcpt, "ann@example.com", 500);
    std::swap(of_rcpt, findings_);
    WasLetPass(Stage::kEndOfMessage, "ann@example.com", 500);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
}

TEST_F(MailboxQuotaCheckTest, ThrowsWhenTheStoreCannotTellAndChecksAgainAtTheEnd) {
    usage_.Measure("ann@example.com", 1000);
    usage_.down = true;
    EXPECT_THROW(AtRcpt("ann@example.com", 1), outage::UsageStoreUnavailable);
    usage_.down = false;
    EXPECT_EQ(AtEnd("", 1, 1), kFull) << "the recipient was remembered";
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
        EXPECT_EQ(Remembered("ann@example.com", 101, false), rules.mailbox_full_defer_action)
            << "the tables had not told of her yet";
        EXPECT_EQ(Remembered("bob@example.com", 1), "nothing") << "never asked about";
        now_ = std::chrono::milliseconds(1000);
        EXPECT_EQ(Remembered("ann@example.com", 50), "nothing") << "too old";
        usage_.down = false;
    }
}

TEST_F(MailboxQuotaCheckTest, OfWhomNothingHasToBeAskedIsLetInWhereNothingIsRemembered) {
    recipients_.AddUnknown("nobody@example.com");
    QuotaRules rules;
    rules.recipient_stale_time = std::chrono::hours(1);
    rules.size.undeclared_size = std::nullopt;
    Use(rules);
    usage_.down = true;
    EXPECT_EQ(AtRcpt("x@remote.example", 0), "") << "not even the average size";
    test::FixedRecipients remembered{std::chrono::milliseconds(1000)};
    remembered.AddUnknown("nobody@example.com");
    Use(rules, remembered);
    EXPECT_EQ(AtRcpt("nobody@example.com", 0), "");
    const PolicyRequest request = Request(Stage::kRcpt, "nobody@example.com", 0, 0, "1");
    const auto verdict = check_->AsRemembered(request, {});
    ASSERT_TRUE(verdict.has_value());
    EXPECT_FALSE(verdict->HasOpinion());
}

TEST_F(MailboxQuotaCheckTest, WhatIsRememberedOfOneRefusesNoMessageForOthersNorExemptMail) {
    QuotaRules rules;
    rules.room.stale_time = std::chrono::milliseconds(1000);
    rules.exempt.recipients = AddressList({"team@example.com"});
    Use(rules);
    usage_.Measure("ann@example.com", 900);
    usage_.Measure("bob@example.com", 900);
    LetAnnAndBobPass();
    EXPECT_EQ(AtRcpt("team@example.com", 0), "");
    usage_.down = true;
    const auto remembered = [this](std::uint64_t size, std::string_view instance) {
        const PolicyRequest request = Request(Stage::kEndOfMessage, "", size, 2, instance);
        Findings findings;
        findings.recipients = messages_.Recipients(NameOf(instance), now_);
        return check_->AsRemembered(request, findings)->action;
    };
    EXPECT_EQ(remembered(500, "1"), "") << "team is exempt";
    messages_.ForgetOnce(NameOf("1"), "team@example.com");
    EXPECT_EQ(remembered(500, "1"), kPerhapsFull);
    usage_.down = false;
    usage_.Measure("bob@example.com", 0);
    EXPECT_EQ(AtRcpt("bob@example.com", 0), "");
    EXPECT_EQ(remembered(500, "1"), "") << "bob has room";
}

TEST_F(MailboxQuotaCheckTest, WaitsForTheTablesUntilTheyHaveToldWhoTheRecipientsAre) {
    Findings findings;
    EXPECT_EQ(check_->WaitsFor(findings), outage::Unavailable::BackEnd::kTable);
    findings.recipients.emplace_back();
    EXPECT_EQ(check_->WaitsFor(findings), outage::Unavailable::BackEnd::kUsageStore);
}

}  // namespace
}  // namespace policyd::checks
