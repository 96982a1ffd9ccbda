#include "loadtest/reply.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loadtest/expectation.hpp"

namespace policyd::loadtest {
namespace {

using State = ReplyReader::State;

TEST(ReplyReaderTest, TakesOneActionAndAnEmptyLine) {
    ReplyReader reader;
    const std::string reply = "action=552 5.2.2 Mailbox is full\n\n";
    ASSERT_EQ(reader.Read(reply), State::kComplete);
    EXPECT_EQ(reader.Action(), "552 5.2.2 Mailbox is full");
    EXPECT_EQ(reader.Meaning(), Verdict::kReject);
}

TEST(ReplyReaderTest, WaitsForEveryByte) {
    const std::string reply = "action=DUNNO\n\n";
    ReplyReader reader;
    for (std::size_t size = 0; size < reply.size(); ++size)
        EXPECT_EQ(reader.Read(reply.substr(0, size)), State::kIncomplete) << size;
    EXPECT_EQ(reader.Read(reply), State::kComplete);
}

TEST(ReplyReaderTest, SeesEveryKindOfMalformedReply) {
    for (const char* reply : {
             "ACTION=DUNNO\n\n",                  // attribute names have their case
             "actions",                           // at once, not after the time limit
             "\naction=DUNNO\n\n",                // an early line end
             "action=\n\n",                       // Postfix takes it for a permission
             "action=552\n\n",                    // and so digits alone
             "action=552 4.2.2 Full\n\n",         // reply and status of different classes
             "action=FULL\n\n",                   // no action of access(5)
             "action=DUNNO\nother=x\n\n",         // more than one attribute
             "action=DUNNO\n\naction=DUNNO\n\n",  // a second reply
             "action=DUNNO\n\n\n",                // one byte too many
             "action=DUNNO \n\n",                 // a trailing blank
             "action=DUNNO\r\n\r\n",              // line ends of another protocol
             "action=550 5.1.1 \xff\n\n",         // no UTF-8
         }) {
        ReplyReader reader;
        EXPECT_EQ(reader.Read(reply), State::kMalformed) << reply;
        EXPECT_FALSE(reader.Problem().empty());
    }
}

TEST(ReplyReaderTest, JudgesAReplyLikeTheOneBeforeByItself) {
    ReplyReader reader;
    const std::string good = "action=DUNNO\n\n";
    EXPECT_EQ(reader.Read(good), State::kComplete);
    EXPECT_EQ(reader.Read("action=DUNNO\n\naction=DUNNO\n\n"), State::kMalformed);
    EXPECT_EQ(reader.Read("action=dunno x\n\n"), State::kComplete);
    EXPECT_EQ(reader.Read("action=552\n\n"), State::kMalformed);
}

TEST(VerdictOfTest, KnowsTheActionsOfAccess) {
    EXPECT_EQ(VerdictOf("DUNNO"), Verdict::kDunno);
    EXPECT_EQ(VerdictOf("dunno"), Verdict::kDunno);
    EXPECT_EQ(VerdictOf("OK"), Verdict::kPermit);
    EXPECT_EQ(VerdictOf("250"), Verdict::kPermit);
    EXPECT_EQ(VerdictOf("REJECT go away"), Verdict::kReject);
    EXPECT_EQ(VerdictOf("550 5.1.1 User unknown"), Verdict::kReject);
    EXPECT_EQ(VerdictOf("DEFER_IF_PERMIT 4.3.0 Trouble"), Verdict::kDefer);
    EXPECT_EQ(VerdictOf("452 4.2.2 Full"), Verdict::kDefer);
    EXPECT_EQ(VerdictOf("HOLD"), Verdict::kOther);
}

TEST(VerdictOfSmtpTest, GoesByTheFirstDigit) {
    EXPECT_EQ(VerdictOfSmtp(250), Verdict::kPermit);
    EXPECT_EQ(VerdictOfSmtp(354), Verdict::kPermit);
    EXPECT_EQ(VerdictOfSmtp(451), Verdict::kDefer);
    EXPECT_EQ(VerdictOfSmtp(550), Verdict::kReject);
    EXPECT_EQ(VerdictOfSmtp(0), Verdict::kOther);
}

TEST(ExpectationTest, IsAKindOfVerdictOrOneAction) {
    EXPECT_TRUE(Expectation("reject").IsMetBy("552 5.2.2 Full", Verdict::kReject));
    EXPECT_FALSE(Expectation("reject").IsMetBy("452 4.2.2 Full", Verdict::kDefer));
    EXPECT_TRUE(Expectation("552 5.2.2 Full").IsMetBy("552 5.2.2 Full", Verdict::kReject));
    EXPECT_FALSE(Expectation("552 5.2.2 Full").IsMetBy("552 5.2.2 Full.", Verdict::kReject));
    EXPECT_FALSE(Expectation("DUNNO").IsMetBy("dunno", Verdict::kDunno));
}

}  // namespace
}  // namespace policyd::loadtest
