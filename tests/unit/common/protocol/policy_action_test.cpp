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
}

TEST(ValidatedActionTest, RefusesWhatPostfixWouldMisread) {
    for (const char* action : {"", " ", "552", "552 5.2.2", "552 4.2.2 Full", "250 fine", "5522 x",
                               "BOGUS", "REDIRECT", "REDIRECT joe", "PREPEND x", "FILTER smtp",
                               "BCC joe", "552 5.2.2 a\nb", "552 5.2.2 \xff", "FILTER"})
        EXPECT_THROW(ValidatedAction(action), std::invalid_argument) << action;
    EXPECT_THROW(ValidatedAction("550 " + std::string(400, 'x')), std::invalid_argument);
}

TEST(ValidatedRefusalOrDunnoTest, RefusesToPermit) {
    EXPECT_THROW(ValidatedRefusalOrDunno("OK"), std::invalid_argument);
    EXPECT_THROW(ValidatedRefusalOrDunno("relay"), std::invalid_argument);
    EXPECT_EQ(ValidatedRefusalOrDunno("DUNNO"), "DUNNO");
}

TEST(ReplyForTest, EndsWithAnEmptyLine) {
    EXPECT_EQ(ReplyFor("DUNNO"), "action=DUNNO\n\n");
}

}  // namespace
}  // namespace policyd::protocol
