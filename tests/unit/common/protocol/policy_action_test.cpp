#include "common/protocol/policy_action.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace policyd::protocol {
namespace {

TEST(ValidatedActionTest, AcceptsWhatPostfixTakesAsMeant) {
    for (const char* action :
         {"DUNNO", "dunno", "REJECT", "REJECT go away", "552 5.2.2 Full", "450 try later",
          "DEFER_IF_PERMIT 4.3.0 Later", "HOLD", "REDIRECT a@example.com", "OK"})
        EXPECT_EQ(ValidatedAction(action), action);
    EXPECT_EQ(ValidatedAction("  DUNNO "), "DUNNO");
    for (const std::string& action :
         {"550 " + std::string(396, 'x'), std::string("550 192.0.2.1 is on a list"),
          std::string("550 www.example.com says why"), std::string("450 4.2 days more")})
        EXPECT_EQ(ValidatedAction(action), action);
}

TEST(ValidatedActionTest, RefusesWhatPostfixWouldMisread) {
    for (const char* action : {"",
                               " ",
                               "552",
                               "552 5.2.2",
                               "552 4.2.2 Full",
                               "250 fine",
                               "5522 x",
                               "BOGUS",
                               "REDIRECT",
                               "REDIRECT joe",
                               "PREPEND x",
                               "PREPEND X A: b",
                               "FILTER smtp",
                               "BCC joe",
                               "552 5.2.2 a\nb",
                               "552 5.2.2 \xff",
                               "FILTER",
                               "552 5.2.2 a\x7f",
                               "552 55.2.2 Full",
                               "552 5.2222.2 Full",
                               "552 5.2.2222 Full"})
        EXPECT_THROW(ValidatedAction(action), std::invalid_argument) << action;
    EXPECT_THROW(ValidatedAction("550 " + std::string(397, 'x')), std::invalid_argument);
}

TEST(ValidatedRefusalOrDunnoTest, RefusesToPermit) {
    EXPECT_THROW(ValidatedRefusalOrDunno("OK"), std::invalid_argument);
    EXPECT_THROW(ValidatedRefusalOrDunno("relay"), std::invalid_argument);
    EXPECT_EQ(ValidatedRefusalOrDunno("DUNNO"), "DUNNO");
}

TEST(PolicyActionTest, TellsWhatPermitsAndWhatLetsPassOn) {
    for (const char* action : {"OK", "relay", "250"})
        EXPECT_TRUE(PermitsOutright(action)) << action;
    for (const char* action : {"DUNNO", "250 fine", "HOLD"})
        EXPECT_FALSE(PermitsOutright(action)) << action;
    for (const char* action : {"DUNNO", "WARN of it", "hold", "PREPEND X-Seen: yes"})
        EXPECT_TRUE(LetsPassOn(action)) << action;
    for (const char* action : {"OK", "DEFER_IF_PERMIT later", "REJECT", "450 later", "nonsense"})
        EXPECT_FALSE(LetsPassOn(action)) << action;
}

TEST(ReplyForTest, EndsWithAnEmptyLine) {
    EXPECT_EQ(ReplyFor("DUNNO"), "action=DUNNO\n\n");
}

TEST(PolicyActionTest, SaysTheTextOfASite) {
    EXPECT_EQ(ActionWithText("550", "5.1.1", "5.7.1 No mail today"), "550 5.7.1 No mail today");
    EXPECT_EQ(ActionWithText("550", "5.1.1", " 4.7.15  later "), "550 5.7.15 later");
    EXPECT_EQ(ActionWithText("DEFER_IF_PERMIT", "4.1.1", "moving"), "DEFER_IF_PERMIT 4.1.1 moving");
    EXPECT_EQ(ActionWithText("550", "5.1.1", "2.1.5 moved"), "550 5.1.5 moved");
    EXPECT_EQ(ActionWithText("550", "5.1.1", "3.2.1 contact"), "550 5.1.1 3.2.1 contact");
    EXPECT_EQ(ActionWithText("550", "5.1.1", "5.2.3.4 is gone"), "550 5.1.1 5.2.3.4 is gone");
    EXPECT_EQ(ActionWithText("DEFER_IF_PERMIT", "4.1.1", "4.2.0"), std::nullopt);
    EXPECT_EQ(ActionWithText("550", "5.1.1", "1.2.3.4 is gone"), "550 5.1.1 1.2.3.4 is gone");
    for (const std::string& unfit : {std::string(), std::string("5.7.1"), std::string(500, 'x'),
                                     std::string("5.7.1 a\nb"), std::string("\xff")})
        EXPECT_EQ(ActionWithText("550", "5.1.1", unfit), std::nullopt) << unfit;
}

}  // namespace
}  // namespace policyd::protocol
