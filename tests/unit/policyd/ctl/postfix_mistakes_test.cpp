#include "policyd/ctl/postfix_mistakes.hpp"

#include "tests/unit/policyd/ctl/sound_postfix_fixture.hpp"

namespace policyd::ctl {
namespace {

using testing::HasSubstr;

class PostfixMistakesTest : public SoundPostfixTest {};

TEST_F(PostfixMistakesTest, ASoundSystemGetsNoWarning) {
    EXPECT_EQ(Warnings(), "");
}

TEST_F(PostfixMistakesTest, ATransportQueryThatAnswersItsKey) {
    options_["transport_maps"] =
        Table("wrong.cf", "SELECT domain FROM transport WHERE domain='%s'");
    EXPECT_THAT(Warnings(), HasSubstr("wrong.cf:2: the query answers with the key"));
}

TEST_F(PostfixMistakesTest, QuotasThatNothingEnforces) {
    options_.erase("virtual_mailbox_limit_maps");
    EXPECT_THAT(Warnings(), HasSubstr("nothing enforces quotas: set it in policyd.toml to "
                                      "virtual_mailbox_limit_maps = [\"" +
                                      quota_ + "\"]"));
}

TEST_F(PostfixMistakesTest, ACatchAllThatRobsUsers) {
    options_["virtual_alias_maps"] = forwardings_;
    EXPECT_THAT(Warnings(), HasSubstr("takes the mail of existing users too"));
}

TEST_F(PostfixMistakesTest, ForwardingsBehindTheUsers) {
    options_["virtual_alias_maps"] = email2email_ + ", " + forwardings_;
    EXPECT_THAT(Warnings(), HasSubstr("own forwarding never applies: put it last"));
}

TEST_F(PostfixMistakesTest, QueriesWithQuotesInTheWrongPlace) {
    options_["virtual_mailbox_maps"] = Table("quoted.cf", "'SELECT a FROM b WHERE c=1'");
    options_["virtual_mailbox_domains"] = Table("bare.cf", "SELECT a FROM b WHERE c=%s");
    const std::string warnings = Warnings();
    EXPECT_THAT(warnings, HasSubstr("quoted.cf:2: quotes around the whole query"));
    EXPECT_THAT(warnings, HasSubstr("bare.cf:2: a placeholder stands outside quotes"));
}

TEST_F(PostfixMistakesTest, CommentsInQueriesAreNoMistakes) {
    options_["virtual_mailbox_maps"] =
        Table("maps.cf", "SELECT path /* the user's */ FROM users WHERE email='%s' # %s");
    options_["virtual_alias_maps"] =
        forwardings_ + ", " +
        Table("himself.cf", "SELECT email /* himself */ FROM users WHERE email='%s'");
    EXPECT_EQ(Warnings(), "");
}

TEST_F(PostfixMistakesTest, ConnectionsThatThisSideClosesFirst) {
    options_["idle_time_limit"] = "100s";
    const std::string warnings = Warnings();
    EXPECT_THAT(warnings, HasSubstr("policyd.toml:1: idle_time_limit is not longer than "
                                    "Postfix's smtpd_policy_service_max_idle (300s)"));
}

TEST_F(PostfixMistakesTest, MailThatADeliveryAgentWithQuotasWouldBounce) {
    for (const char* agent : {"lmtp:unix:private/dovecot-lmtp", "lmtp", "dovecot"}) {
        options_["virtual_transport"] = agent;
        const std::string warnings = Warnings();
        EXPECT_THAT(
            warnings,
            HasSubstr("policyd.toml: full_target_refuses is \"all\": if the delivery agent (" +
                      std::string(agent) + ") enforces quotas, it bounces mail"));
        EXPECT_THAT(warnings, HasSubstr("full_at_end_of_message is \"accept\": if the delivery"));
    }
    options_["full_target_refuses"] = "any";
    options_["full_at_end_of_message"] = "reject";
    EXPECT_EQ(Warnings(), "");
    options_["full_target_refuses"] = "never";
    EXPECT_THAT(Warnings(), HasSubstr("full_target_refuses is \"never\""));
    options_.erase("full_target_refuses");
    options_.erase("full_at_end_of_message");
    options_["virtual_transport"] = "smtp:[store.example]";
    EXPECT_EQ(Warnings(), "");
}

TEST_F(PostfixMistakesTest, MailboxesOfMydestinationHaveNoQuota) {
    postfix_.values["mailbox_transport"] = "lmtp:unix:private/dovecot-lmtp";
    options_["local_recipient_maps"] = "inline:{ann=x}";
    const auto warns = HasSubstr(
        "main.cf: mailbox_transport: is lmtp:unix:private/dovecot-lmtp, but mail for mydestination "
        "is in no mailbox here, and so has no quota");
    EXPECT_THAT(Warnings(), warns) << "the limits can be for nobody else";
    options_["virtual_mailbox_domains"] = "example.com";
    options_["virtual_mailbox_maps"] = "inline:{ann@example.com=x}";
    EXPECT_EQ(Warnings(), "");
    options_["virtual_mailbox_maps"] = "inline:{ann=x}";
    EXPECT_THAT(Warnings(), warns);
    postfix_.values["mailbox_transport"] = "";
    EXPECT_EQ(Warnings(), "");
}

}  // namespace
}  // namespace policyd::ctl
