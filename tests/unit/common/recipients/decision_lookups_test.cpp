#include "common/recipients/decision_lookups.hpp"

#include <gmock/gmock.h>

#include "tests/unit/common/recipients/mail_system_fixture.hpp"

namespace policyd::recipients {
namespace {

using test::RunToEnd;
using testing::ElementsAre;

class DecisionLookupsTest : public MailSystemFixture {
protected:
    DecisionLookups lookups_;
};

TEST_F(DecisionLookupsTest, AskForEachKeyOnceWhetherItIsFoundOrNot) {
    for (int i = 0; i < 2; ++i) {
        EXPECT_NE(RunToEnd(lookups_.Find(system.virtual_mailbox_maps, "joe@example.com")),
                  std::nullopt);
        EXPECT_EQ(RunToEnd(lookups_.Find(system.virtual_mailbox_maps, "x")), std::nullopt);
        EXPECT_TRUE(RunToEnd(lookups_.Contains(system.virtual_mailbox_domains, "example.com")));
        EXPECT_FALSE(RunToEnd(lookups_.Contains(system.virtual_mailbox_domains, "x")));
    }
    EXPECT_THAT(mailboxes.asked, ElementsAre("joe@example.com", "x"));
    EXPECT_THAT(domains.asked, ElementsAre("example.com", "x"));
}

TEST_F(DecisionLookupsTest, TellTheTablesOfDifferentParametersApart) {
    EXPECT_EQ(RunToEnd(lookups_.Find(system.transport_maps, "joe@example.com")), std::nullopt);
    EXPECT_NE(RunToEnd(lookups_.Find(system.virtual_mailbox_maps, "joe@example.com")),
              std::nullopt);
}

TEST_F(DecisionLookupsTest, AskAgainAfterAFailure) {
    mailboxes.broken = true;
    EXPECT_THROW(RunToEnd(lookups_.Find(system.virtual_mailbox_maps, "joe@example.com")),
                 outage::TableUnavailable);
    mailboxes.broken = false;
    EXPECT_NE(RunToEnd(lookups_.Find(system.virtual_mailbox_maps, "joe@example.com")),
              std::nullopt);
}

}  // namespace
}  // namespace policyd::recipients
