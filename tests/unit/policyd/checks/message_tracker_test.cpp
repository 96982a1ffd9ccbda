#include "policyd/checks/message_tracker.hpp"

#include <gtest/gtest.h>

namespace policyd::checks {
namespace {

using std::chrono::milliseconds;

TrackedRecipient Recipient(const char* address) {
    TrackedRecipient recipient;
    recipient.recipient = address;
    recipient.holds = true;
    return recipient;
}

TEST(MessageTrackerTest, RemembersEachRecipientOnceInOrder) {
    MessageTracker tracker(10, milliseconds(100));
    tracker.Remember("m", Recipient("a"), milliseconds(0));
    tracker.Remember("m", Recipient("b"), milliseconds(0));
    tracker.Remember("m", Recipient("a"), milliseconds(0));
    const auto recipients = tracker.Recipients("m", milliseconds(0));
    ASSERT_EQ(recipients.size(), 2u);
    EXPECT_EQ(recipients[0].recipient, "a");
    EXPECT_EQ(recipients[1].recipient, "b");
    EXPECT_EQ(recipients[0].asked, 2u);
    EXPECT_EQ(recipients[1].asked, 1u);
    EXPECT_TRUE(tracker.Recipients("other", milliseconds(0)).empty());
}

TEST(MessageTrackerTest, ARefusalTakesBackTheLastTimeThatARecipientWasAskedAbout) {
    MessageTracker tracker(10, milliseconds(100));
    tracker.Remember("m", Recipient("a"), milliseconds(0));
    tracker.Remember("m", Recipient("a"), milliseconds(0));
    tracker.ForgetOnce("m", "a");
    ASSERT_EQ(tracker.Recipients("m", milliseconds(0)).size(), 1u);
    EXPECT_EQ(tracker.Recipients("m", milliseconds(0))[0].asked, 1u);
    tracker.ForgetOnce("m", "a");
    EXPECT_TRUE(tracker.Recipients("m", milliseconds(0)).empty());
    tracker.ForgetOnce("m", "a");
    tracker.ForgetOnce("other", "a");
}

TEST(MessageTrackerTest, EndingAMessageReturnsWhatWasNotSettled) {
    MessageTracker tracker(10, milliseconds(100));
    tracker.Remember("aborted", Recipient("a"), milliseconds(0));
    tracker.Remember("accepted", Recipient("a"), milliseconds(0));
    tracker.Settle("accepted");
    EXPECT_EQ(tracker.End("aborted").size(), 1u);
    EXPECT_TRUE(tracker.End("accepted").empty());
    EXPECT_TRUE(tracker.End("aborted").empty());
    EXPECT_EQ(tracker.Size(), 0u);
}

TEST(MessageTrackerTest, LeavingAMessageReturnsWhatWasNotSettledAndForgetsNothing) {
    MessageTracker tracker(10, milliseconds(100));
    tracker.Remember("on its way", Recipient("a"), milliseconds(0));
    tracker.Remember("accepted", Recipient("a"), milliseconds(0));
    tracker.Settle("accepted");
    EXPECT_EQ(tracker.Leave("on its way").size(), 1u);
    EXPECT_TRUE(tracker.Leave("accepted").empty());
    EXPECT_EQ(tracker.Recipients("on its way", milliseconds(1)).size(), 1u);
    EXPECT_EQ(tracker.Recipients("accepted", milliseconds(1)).size(), 1u);
}

TEST(MessageTrackerTest, WhatAMessageHoldsIsHandedOutOnceHoweverManyConnectionsLeaveIt) {
    MessageTracker tracker(10, milliseconds(100));
    for (const char* recipient : {"a", "b", "c"})
        tracker.Remember("m", Recipient(recipient), milliseconds(0));
    EXPECT_EQ(tracker.Leave("m").size(), 3u);
    EXPECT_TRUE(tracker.Leave("m").empty());
    tracker.Remember("m", Recipient("b"), milliseconds(1));
    const auto left = tracker.Leave("m");
    ASSERT_EQ(left.size(), 1u) << "it was asked about again over another connection";
    EXPECT_EQ(left[0].recipient, "b");
    tracker.Remember("m", Recipient("d"), milliseconds(2));
    EXPECT_EQ(tracker.Recipients("m", milliseconds(2)).size(), 4u);
    EXPECT_EQ(tracker.End("m").size(), 1u);
}

TEST(MessageTrackerTest, RemembersNoMoreRecipientsOfAMessageThanItMay) {
    MessageTracker tracker(10, milliseconds(100), 2);
    EXPECT_EQ(tracker.Remember("m", Recipient("a"), milliseconds(0)).asked, 1u);
    EXPECT_EQ(tracker.Remember("m", Recipient("b"), milliseconds(0)).asked, 1u);
    EXPECT_EQ(tracker.Remember("m", Recipient("c"), milliseconds(0)).asked, 0u);
    EXPECT_EQ(tracker.Remember("m", Recipient("a"), milliseconds(0)).asked, 2u);
    EXPECT_EQ(tracker.Remember("other", Recipient("c"), milliseconds(0)).asked, 1u);
    EXPECT_EQ(tracker.Recipients("m", milliseconds(0)).size(), 2u);
    tracker.ForgetOnce("m", "b");
    EXPECT_EQ(tracker.Remember("m", Recipient("c"), milliseconds(0)).asked, 1u);
}

TEST(MessageTrackerTest, ForgetsTheOldestMessagesWhereAllHaveTooManyRecipients) {
    constexpr std::size_t kRoomForTwo = 1'500;
    MessageTracker tracker(10, milliseconds(100), 10, kRoomForTwo);
    const auto remember = [&](const char* message, const char* recipient) {
        tracker.Remember(message, Recipient(recipient), milliseconds(0));
    };
    remember("a", "x");
    remember("b", "x");
    remember("c", "x");
    EXPECT_TRUE(tracker.Recipients("a", milliseconds(0)).empty());
    EXPECT_EQ(tracker.Recipients("b", milliseconds(0)).size(), 1u);
    // What is gone counts no more.
    tracker.ForgetOnce("b", "x");
    tracker.End("c");
    remember("d", "x");
    remember("d", "y");
    EXPECT_EQ(tracker.Size(), 2u);
    tracker.Refuse("d", {2, 0}, milliseconds(0));
    remember("d", "z");
    remember("e", "x");
    EXPECT_EQ(tracker.Recipients("d", milliseconds(0)).size(), 1u);
    // A message that is alone too many stays.
    for (const char* recipient : {"1", "2", "3"}) remember("e", recipient);
    EXPECT_EQ(tracker.Size(), 1u);
    EXPECT_EQ(tracker.Recipients("e", milliseconds(0)).size(), 4u);
}

TEST(MessageTrackerTest, ExpectsTheRecipientsOfMessagesThatAreUnderWay) {
    MessageTracker tracker(10, milliseconds(100));
    for (const char* message : {"under way", "ended", "settled", "left"})
        tracker.Remember(message, Recipient("a"), milliseconds(0));
    tracker.End("ended");
    tracker.Settle("settled");
    tracker.Leave("left");
    EXPECT_TRUE(tracker.Expects("under way", "a"));
    EXPECT_FALSE(tracker.Expects("under way", "b"));
    for (const char* message : {"ended", "settled", "left"})
        EXPECT_FALSE(tracker.Expects(message, "a")) << message;
    tracker.Remember("left", Recipient("b"), milliseconds(1));
    EXPECT_FALSE(tracker.Expects("left", "a")) << "what it held has been handed out";
    tracker.Remember("left", Recipient("a"), milliseconds(1));
    EXPECT_TRUE(tracker.Expects("left", "a")) << "it goes on over another connection";
}

TEST(MessageTrackerTest, ARecipientAfterARefusalAtTheEndIsTheFirstOfAnotherMessage) {
    MessageTracker tracker(10, std::chrono::hours(1));
    tracker.Remember("m", Recipient("ann"), milliseconds(0));
    tracker.Settle("m");
    tracker.Refuse("m", {1, 500}, milliseconds(0));
    EXPECT_EQ(tracker.RefusedBefore("m").recipients, 0u);
    EXPECT_EQ(tracker.RefusedBefore("m").bytes, 0u);
    EXPECT_EQ(tracker.Recipients("m", milliseconds(0)).size(), 1u)
        << "whoever asks about the end again";
    for (const char* recipient : {"eve", "bob", "bob"}) {
        const auto remembered = tracker.Remember("m", Recipient(recipient), milliseconds(0));
        EXPECT_EQ(remembered.refused_bytes, 500u) << recipient;
    }
    const auto recipients = tracker.Recipients("m", milliseconds(0));
    ASSERT_EQ(recipients.size(), 2u);
    EXPECT_EQ(recipients[0].recipient, "eve");
    EXPECT_EQ(tracker.RefusedBefore("m").recipients, 1u) << "Postfix goes on counting ann";
    EXPECT_EQ(tracker.RefusedBefore("m").bytes, 500u);
    EXPECT_EQ(tracker.End("m").size(), 2u) << "not settled";
}

TEST(MessageTrackerTest, ARecipientThatWasAskedAboutBeforeARefusalAtTheEndIsOfThatMessage) {
    MessageTracker tracker(10, milliseconds(100));
    tracker.Remember("m", Recipient("ann"), milliseconds(0));
    tracker.Refuse("m", {2, 500}, milliseconds(10));
    const auto late = tracker.Remember("m", Recipient("bob"), milliseconds(9));
    EXPECT_EQ(late.refused_bytes, 0u);
    EXPECT_EQ(tracker.Recipients("m", milliseconds(20)).size(), 2u);
    EXPECT_EQ(tracker.RefusedBefore("m").bytes, 0u);
    tracker.Remember("m", Recipient("bob"), milliseconds(10));
    EXPECT_EQ(tracker.RefusedBefore("m").bytes, 500u);
}

TEST(MessageTrackerTest, ARecipientGoesByTheLastAnswerOfTheTablesAndHoldsWhatItHeldBefore) {
    MessageTracker tracker(10, milliseconds(100));
    TrackedRecipient again = Recipient("a");
    again.is_stale = true;
    again.holds = false;
    tracker.Remember("m", Recipient("a"), milliseconds(0));
    tracker.Remember("m", again, milliseconds(0));
    EXPECT_TRUE(tracker.Recipients("m", milliseconds(0)).front().is_stale);
    EXPECT_TRUE(tracker.Expects("m", "a"));
}

TEST(MessageTrackerTest, AMessageBeginsAsNewWhateverBecameOfThoseBefore) {
    MessageTracker tracker(10, milliseconds(100), 10, 10'000);
    for (int i = 0; i < 3; ++i) {
        tracker.Remember("accepted", Recipient("a"), milliseconds(0));
        tracker.Settle("accepted");
        EXPECT_TRUE(tracker.End("accepted").empty());
    }
    for (const char* message : {"first", "second"}) {
        tracker.Remember(message, Recipient("a"), milliseconds(0));
        EXPECT_TRUE(tracker.Expects(message, "a")) << message;
    }
    EXPECT_EQ(tracker.Size(), 2u) << "they take no room any more";
}

TEST(MessageTrackerTest, WhoWasRefusedTakesNoRoomAnyMore) {
    MessageTracker tracker(10, milliseconds(100), 10, 10'000);
    for (int i = 0; i < 3; ++i) {
        tracker.Remember("m", Recipient("a"), milliseconds(0));
        tracker.ForgetOnce("m", "a");
        EXPECT_TRUE(tracker.End("m").empty());
    }
    for (const char* message : {"first", "second"})
        tracker.Remember(message, Recipient("a"), milliseconds(0));
    EXPECT_EQ(tracker.Size(), 2u);
}

TEST(MessageTrackerTest, AMessageWithoutRecipientsIsForgottenWhenItIsLeft) {
    MessageTracker tracker(10, milliseconds(100));
    tracker.Remember("m", Recipient("a"), milliseconds(0));
    tracker.ForgetOnce("m", "a");
    EXPECT_TRUE(tracker.Leave("m").empty());
    EXPECT_EQ(tracker.Size(), 0u);
}

TEST(MessageTrackerTest, RemembersAMessageAsLongAsItsRecipientsAreAskedFor) {
    MessageTracker tracker(10, milliseconds(100));
    tracker.Remember("m", Recipient("a"), milliseconds(0));
    for (const int now : {99, 198}) {
        tracker.Remember("other", Recipient("a"), milliseconds(now));
        EXPECT_EQ(tracker.Recipients("m", milliseconds(now)).size(), 1u) << now;
    }
}

TEST(MessageTrackerTest, ForgetsMessagesThatNobodyAsksAbout) {
    MessageTracker tracker(10, milliseconds(100));
    tracker.Remember("old", Recipient("a"), milliseconds(0));
    tracker.Remember("new", Recipient("a"), milliseconds(60));
    tracker.Remember("other", Recipient("a"), milliseconds(120));
    EXPECT_TRUE(tracker.Recipients("old", milliseconds(120)).empty());
    EXPECT_EQ(tracker.Recipients("new", milliseconds(120)).size(), 1u);
}

TEST(MessageTrackerTest, HoldsNoMoreMessagesThanItMay) {
    MessageTracker tracker(2, milliseconds(100));
    for (const char* message : {"1", "2", "3"})
        tracker.Remember(message, Recipient("a"), milliseconds(0));
    EXPECT_EQ(tracker.Size(), 2u);
    EXPECT_TRUE(tracker.Recipients("1", milliseconds(0)).empty());
    EXPECT_EQ(tracker.Recipients("3", milliseconds(0)).size(), 1u);
}

}  // namespace
}  // namespace policyd::checks
