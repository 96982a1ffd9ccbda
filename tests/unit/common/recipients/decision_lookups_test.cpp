#include "common/recipients/decision_lookups.hpp"

#include <gmock/gmock.h>

#include "tests/unit/common/recipients/mail_system_fixture.hpp"
#include "tests/unit/common/tables/fake_table.hpp"

namespace policyd::recipients {
namespace {

using test::RunToEnd;
using testing::ElementsAre;
using testing::IsEmpty;

class DecisionLookupsTest : public MailSystemFixture {
protected:
    DecisionLookups lookups_{tables::DirectReader()};
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

TEST_F(DecisionLookupsTest, SearchWhatIsKnownByTheRulesOfTheChain) {
    tables::FakeTable patterns{{"joe@example.com", "1"}}, hashed{{"joe@example.com", "2"}},
        mistaken{{"joe@example.com", ""}};
    patterns.takes_partial_keys = false;
    const tables::TableChain sound("x", {&patterns, &hashed});
    const tables::TableChain with_mistake("y", {&mistaken, &hashed});
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(RunToEnd(lookups_.Find(sound, "joe@example.com")), "1");
        EXPECT_EQ(RunToEnd(lookups_.Find(sound, "joe@example.com", tables::KeyKind::kPartial)),
                  "2");
        EXPECT_THROW(RunToEnd(lookups_.Find(with_mistake, "joe@example.com")),
                     outage::TableUnavailable);
    }
    EXPECT_EQ(hashed.asked.size(), 1u);
    EXPECT_EQ(mistaken.asked.size(), 1u);
}

TEST_F(DecisionLookupsTest, AskTablesOfPatternsForTheKeyAsItIsWritten) {
    tables::FakeTable patterns{{"Joe@example.com", "1"}};
    patterns.takes_partial_keys = false;
    const tables::TableChain chain("x", {&patterns});
    for (const char* key : {"joe@example.com", "Joe@example.com", "joe@example.com"})
        EXPECT_EQ(RunToEnd(lookups_.Find(chain, key)).has_value(), key[0] == 'J');
    EXPECT_THAT(patterns.asked, ElementsAre("joe@example.com", "Joe@example.com"));
}

TEST_F(DecisionLookupsTest, AskTablesOfOneServerAtOnce) {
    quotas.server = mailboxes.server = &mailboxes;
    const tables::TableChain* const chains[] = {
        &system.virtual_mailbox_limit_maps, &system.virtual_mailbox_maps, &system.transport_maps};
    RunToEnd(lookups_.FindEverywhere(chains, "Joe@Example.com"));
    EXPECT_EQ(quotas.times_asked_together + mailboxes.times_asked_together, 1);
    EXPECT_THAT(transports.asked, IsEmpty()) << "it is in memory";

    EXPECT_EQ(RunToEnd(lookups_.Find(system.virtual_mailbox_limit_maps, "joe@example.com")), "0");
    EXPECT_EQ(RunToEnd(lookups_.Find(system.virtual_mailbox_maps, "joe@example.com")),
              "example.com/joe/");
    EXPECT_THAT(mailboxes.asked, ElementsAre("joe@example.com"));
    EXPECT_THAT(quotas.asked, ElementsAre("joe@example.com"));
}

TEST_F(DecisionLookupsTest, AskEachServerForItsOwnTablesAndLeaveOutWhatStandsAlone) {
    quotas.server = mailboxes.server = &mailboxes;
    transports.server = forwardings.server = &forwardings;
    email2email.server = &email2email;
    const tables::TableChain* const chains[] = {
        &system.virtual_mailbox_limit_maps, &system.transport_maps, &system.virtual_mailbox_maps,
        &system.virtual_alias_maps};
    RunToEnd(lookups_.FindEverywhere(chains, "joe@example.com"));
    EXPECT_EQ(quotas.times_asked_together + mailboxes.times_asked_together, 1);
    EXPECT_EQ(transports.times_asked_together + forwardings.times_asked_together, 1);
    const tables::TableChain alone("x", {&email2email});
    const tables::TableChain* const one[] = {&alone};
    RunToEnd(lookups_.FindEverywhere(one, "joe@example.com"));
    EXPECT_EQ(email2email.times_asked_together, 0);
}

TEST_F(DecisionLookupsTest, TellOfAFailureOnlyWhoAsksForWhatFailed) {
    quotas.server = mailboxes.server = &mailboxes;
    quotas.broken = true;
    const tables::TableChain* const chains[] = {&system.virtual_mailbox_limit_maps,
                                                &system.virtual_mailbox_maps};
    RunToEnd(lookups_.FindEverywhere(chains, "joe@example.com"));

    EXPECT_NE(RunToEnd(lookups_.Find(system.virtual_mailbox_maps, "joe@example.com")),
              std::nullopt);
    EXPECT_THROW(RunToEnd(lookups_.Find(system.virtual_mailbox_limit_maps, "joe@example.com")),
                 outage::TableUnavailable);
    EXPECT_THAT(quotas.asked, ElementsAre("joe@example.com")) << "not waited for twice";
}

/// Stands for what is remembered for all decisions.
class CountingReader final : public tables::TableReader {
public:
    async::Task<std::optional<std::string>> Find(tables::LookupTable& table,
                                                 std::string_view key) override {
        asked.emplace_back(key);
        return table.Find(key);
    }
    std::vector<std::string> asked;
};

TEST_F(DecisionLookupsTest, LeaveWhatConcernsManyAddressesToTheSharedReader) {
    CountingReader shared;
    DecisionLookups lookups(shared);
    for (const char* key : {"example.com", ".com", "*", "@example.com", "joe@example.com"})
        RunToEnd(lookups.Find(system.transport_maps, key));
    EXPECT_THAT(shared.asked, ElementsAre("example.com", ".com", "*", "@example.com"));
}

}  // namespace
}  // namespace policyd::recipients
