/// What is answered by what is at hand, without waiting for anybody.

#include "tests/unit/policyd/checks/mailbox_quota_check_fixture.hpp"

namespace policyd::checks {
namespace {

class MailboxQuotaAtHandTest : public MailboxQuotaCheckTest {
protected:
    MailboxQuotaAtHandTest() {
        remembered_.Add("ann@example.com", {"ann@example.com"}, 1000);
        Reserve(false);
    }

    void Reserve(bool reserves) {
        QuotaRules rules;
        rules.reservations = reserves;
        rules.room.copy_time = std::chrono::milliseconds(1000);
        rules.room.stale_time = std::chrono::milliseconds(1000);
        Use(rules, remembered_);
    }

    test::FixedRecipients remembered_{std::chrono::milliseconds(1000)};
};

TEST_F(MailboxQuotaAtHandTest, NobodyIsLetInWithoutRoomByWhatIsAtHand) {
    usage_.Measure("ann@example.com", 950);
    EXPECT_EQ(AtHand("ann@example.com", 10), "nothing") << "neither tables nor store were asked";
    EXPECT_EQ(AtRcpt("ann@example.com", 10), "");
    EXPECT_EQ(AtHand("ann@example.com", 50), "");
    EXPECT_EQ(AtHand("ann@example.com", 51), "nothing");
}

TEST_F(MailboxQuotaAtHandTest, TheRoomOfADomainIsNotAtHand) {
    remembered_.Add("dan@shared.example", {"dan@shared.example"}, 1000, 1000);
    EXPECT_EQ(AtRcpt("dan@shared.example", 10), "");
    EXPECT_EQ(AtHand("dan@shared.example", 10), "nothing");
}

TEST_F(MailboxQuotaAtHandTest, WhatIsToBeReservedIsNotAtHand) {
    Reserve(true);
    EXPECT_EQ(AtRcpt("ann@example.com", 10, "1"), "");
    EXPECT_EQ(AtHand("ann@example.com", 10, "2"), "nothing");
    EXPECT_EQ(AtHand("ann@example.com", 10, ""), "") << "a question about no message";
}

TEST_F(MailboxQuotaAtHandTest, WhoDoesNotExistIsNoRecipient) {
    remembered_.AddUnknown("nobody@example.com");
    EXPECT_EQ(AtRcpt("nobody@example.com", 10), "");
    EXPECT_EQ(AtHand("nobody@example.com", 10), "");
    EXPECT_TRUE(messages_.Recipients(NameOf("1"), now_).empty());
}

TEST_F(MailboxQuotaAtHandTest, TheEndOfAMessageIsNotAtHand) {
    EXPECT_EQ(AtRcpt("ann@example.com", 10), "");
    EXPECT_FALSE(
        check_->AtHand(Request(Stage::kEndOfMessage, "ann@example.com", 10, 1, "1")).has_value());
}

TEST_F(MailboxQuotaAtHandTest, QuestionsAboutNoMessageAreNotCounted) {
    EXPECT_EQ(AtRcpt("ann@example.com", 10, ""), "");
    for (int question = 0; question < 12; ++question)
        EXPECT_EQ(AtHand("ann@example.com", 10, ""), "") << question;
}

TEST_F(MailboxQuotaAtHandTest, ARecipientIsTheSameHoweverItIsTyped) {
    remembered_.Add("Ann@Example.com", {"ann@example.com"}, 1000);
    for (const char* typed : {"ann@example.com", "Ann@Example.com"}) {
        EXPECT_EQ(AtRcpt(typed, 10), "");
        EXPECT_EQ(AtHand(typed, 10), "");
    }
    EXPECT_EQ(messages_.Recipients(NameOf("1"), now_).size(), 1u);
}

TEST_F(MailboxQuotaAtHandTest, WhoseMailGoesElsewhereWhenAskedAboutAgainGivesItsRoomBack) {
    Reserve(true);
    EXPECT_EQ(AtRcpt("ann@example.com", 500, "1"), "");
    remembered_.Add("ann@example.com", {}, 0);
    remembered_.Cache().Clear();
    EXPECT_EQ(AtRcpt("ann@example.com", 500, "2"), "");
    EXPECT_EQ(AtHand("ann@example.com", 500, "1"), "");
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
}

}  // namespace
}  // namespace policyd::checks
