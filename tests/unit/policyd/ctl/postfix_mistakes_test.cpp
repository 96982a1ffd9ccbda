#include "policyd/ctl/postfix_mistakes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/scratch_directory.hpp"

namespace policyd::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A mail system without mistakes; each test makes one.
class PostfixMistakesTest : public testing::Test {
protected:
    std::string Table(const std::string& name, const std::string& query) {
        return "mysql:" +
               scratch_.Write(name, "hosts = localhost\nquery = " + query + "\n").string();
    }

    std::string Warnings() {
        std::string toml;
        for (const auto& [name, value] : options_) toml += name + " = \"" + value + "\"\n";
        std::ostringstream out;
        Report report(out);
        WarnOfKnownMistakes(config::ParseConfig(toml, "policyd.toml"), postfix_, report);
        return out.str();
    }

    test::ScratchDirectory scratch_;
    const std::string forwardings_ =
        Table("forwardings.cf", "SELECT destination FROM forwardings WHERE source='%s'");
    const std::string email2email_ =
        Table("email2email.cf", "SELECT email FROM users WHERE email='%s'");
    const std::string transport_ =
        Table("transport.cf", "SELECT transport FROM transport WHERE domain='%s'");
    const std::string quota_ = Table("quota.cf", "SELECT quota FROM users WHERE email='%s'");
    std::map<std::string, std::string> options_{
        {"listen", "unix:/var/spool/postfix/policyd/policyd.sock"},
        {"virtual_alias_maps", forwardings_ + ", " + email2email_},
        {"transport_maps", transport_},
        {"virtual_mailbox_limit_maps", quota_}};
    PostfixSettings postfix_{
        "/etc/postfix",
        {{"queue_directory", "/var/spool/postfix"},
         {"smtpd_relay_restrictions", "reject_unauth_destination"},
         {"smtpd_recipient_restrictions", "check_policy_service unix:policyd/policyd.sock"},
         {"smtpd_end_of_data_restrictions", "check_policy_service unix:policyd/policyd.sock"},
         {"smtpd_client_restrictions", ""},
         {"smtpd_policy_service_max_idle", "300s"},
         {"smtpd_policy_service_max_ttl", "1000s"}},
        {{"virtual_mailbox_limit_maps", quota_}},
        {}};
};

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

TEST_F(PostfixMistakesTest, AMailServerThatDoesNotAsk) {
    postfix_.values["smtpd_recipient_restrictions"] = "reject_unauth_destination";
    postfix_.values["smtpd_end_of_data_restrictions"] = "";
    const std::string warnings = Warnings();
    EXPECT_THAT(warnings, HasSubstr("smtpd_recipient_restrictions: does not ask"));
    EXPECT_THAT(warnings, HasSubstr("smtpd_end_of_data_restrictions: does not ask"));
}

TEST_F(PostfixMistakesTest, AMailServerThatAsksAnotherService) {
    options_["listen"] = "inet:127.0.0.1:10031, unix:/run/policyd/policy.sock";
    for (const char* ours : {"inet:localhost:10031", "unix:/run/policyd/../policyd/policy.sock",
                             "{ inet:mx:10031, timeout = 10s }"}) {
        for (const char* stage : {"recipient", "end_of_data"})
            postfix_.values["smtpd_" + std::string(stage) + "_restrictions"] =
                "check_policy_service " + std::string(ours);
        EXPECT_EQ(Warnings(), "") << ours;
    }
    postfix_.values["smtpd_recipient_restrictions"] = "check_policy_service inet:127.0.0.1:10023";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_recipient_restrictions: asks other policy services"));
}

TEST_F(PostfixMistakesTest, AServiceBehindWhatDecidesInAnyCase) {
    postfix_.values["smtpd_recipient_restrictions"] =
        "permit_mynetworks, Permit, check_policy_service unix:policyd/policyd.sock";
    const std::string warnings = Warnings();
    EXPECT_THAT(warnings,
                HasSubstr("unix:policyd/policyd.sock stands behind Permit, and is never"));
    EXPECT_THAT(warnings, Not(HasSubstr("does not ask")));
    postfix_.values["smtpd_recipient_restrictions"] =
        "warn_if_reject reject, check_policy_service unix:policyd/policyd.sock";
    EXPECT_EQ(Warnings(), "");
    postfix_.values["smtpd_recipient_restrictions"] = "check_policy_service { unix:x";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_recipient_restrictions: expected "));
}

TEST_F(PostfixMistakesTest, FollowsRestrictionClasses) {
    postfix_.values["smtpd_restriction_classes"] = "room, and_more";
    postfix_.unknown["room"] = "check_policy_service unix:policyd/policyd.sock";
    postfix_.unknown["and_more"] = "and_more, room";
    postfix_.values["smtpd_recipient_restrictions"] = "reject_unauth_destination, and_more";
    EXPECT_EQ(Warnings(), "");
    postfix_.values["smtpd_recipient_restrictions"] = "reject, and_more";
    EXPECT_THAT(Warnings(), HasSubstr("unix:policyd/policyd.sock stands behind reject, and is"));
    // A table may answer with a class.
    postfix_.values["smtpd_recipient_restrictions"] = "check_recipient_access hash:/x";
    EXPECT_EQ(Warnings(), "");
    postfix_.unknown["room"] = "reject_unverified_recipient";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_recipient_restrictions: does not ask"));
}

TEST_F(PostfixMistakesTest, WhatUsersSendPastTheService) {
    postfix_.of_service["submission/inet"] = {{"smtpd_relay_restrictions", "permit, reject"}};
    EXPECT_EQ(Warnings(), "");
    postfix_.of_service["192.0.2.1:587/inet"] = {
        {"smtpd_recipient_restrictions", "permit_sasl_authenticated, reject"}};
    postfix_.of_service["10025/inet"] = {{"smtpd_recipient_restrictions", "permit_mynetworks"}};
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: 192.0.2.1:587/inet: -o "
              "smtpd_recipient_restrictions: does not ask the policy service, so what users send "
              "is neither checked nor counted before the next scan: add check_policy_service\n");
}

TEST_F(PostfixMistakesTest, WhatMasterCfSaysOfPort25IsWhatCounts) {
    const std::string ask = "check_policy_service unix:policyd/policyd.sock";
    postfix_.of_service["smtp/inet"] = {{"smtpd_recipient_restrictions", "permit_mynetworks"},
                                        {"smtpd_end_of_data_restrictions", ""}};
    EXPECT_THAT(Warnings(), HasSubstr("master.cf: smtp/inet: -o smtpd_recipient_restrictions: does "
                                      "not ask the policy service"));
    EXPECT_THAT(Warnings(), HasSubstr("-o smtpd_end_of_data_restrictions: does not ask"));
    postfix_.values["smtpd_recipient_restrictions"] = "";
    postfix_.values["smtpd_end_of_data_restrictions"] = "";
    postfix_.of_service["smtp/inet"] = {{"smtpd_recipient_restrictions", ask},
                                        {"smtpd_end_of_data_restrictions", ask}};
    EXPECT_EQ(Warnings(), "");
}

TEST_F(PostfixMistakesTest, WhatUsersSendOfAnyRealSize) {
    postfix_.of_service["submission/inet"] = {{"smtpd_end_of_data_restrictions", ""}};
    EXPECT_THAT(Warnings(), HasSubstr("the real size of what users send is not checked"));
}

TEST_F(PostfixMistakesTest, AFilterWhoseMailIsCountedTwice) {
    PostfixSettings::Values& behind = postfix_.of_service["127.0.0.1:10026/inet"];
    behind = {{"smtpd_recipient_restrictions", "permit_mynetworks,reject"}};
    EXPECT_EQ(Warnings(), "") << "there is no filter";
    postfix_.of_service["smtp/inet"] = {{"smtpd_proxy_filter", "127.0.0.1:10025"}};
    EXPECT_THAT(Warnings(), HasSubstr("master.cf: 127.0.0.1:10026/inet: -o "
                                      "smtpd_recipient_restrictions: the policy service is not "
                                      "asked about recipients here"));
    behind["smtpd_end_of_data_restrictions"] = "";
    EXPECT_EQ(Warnings(), "");
}

TEST_F(PostfixMistakesTest, AServiceThatIsAskedButHasOtherTables) {
    options_["recipient_delimiter"] = "+";
    postfix_.of_service["smtp/inet"] = {{"recipient_delimiter", "+"}, {"syslog_name", "x"}};
    postfix_.of_service["10025/inet"] = {{"smtpd_recipient_restrictions", "permit_mynetworks"},
                                         {"recipient_delimiter", ""}};
    postfix_.of_service["smtp/unix"] = {{"recipient_delimiter", ""}};
    EXPECT_EQ(Warnings(), "");
    postfix_.of_service["smtp/inet"]["recipient_delimiter"] = "-";
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: smtp/inet: -o recipient_delimiter: policyd goes by "
              "the value that it has for all services, \"+\"\n");
}

TEST_F(PostfixMistakesTest, AServiceThatIsAskedBeforeRelayingIsRefused) {
    postfix_.values["smtpd_relay_restrictions"] = "";
    postfix_.values["smtpd_recipient_restrictions"] =
        "check_policy_service unix:policyd/policyd.sock, reject_unauth_destination";
    EXPECT_THAT(Warnings(), HasSubstr("is asked before reject_unauth_destination"));
    postfix_.values["smtpd_recipient_restrictions"] =
        "check_policy_service inet:127.0.0.1:10023, reject_unauth_destination, "
        "check_policy_service unix:policyd/policyd.sock";
    EXPECT_THAT(Warnings(), Not(HasSubstr("is asked before")));
    postfix_.values["smtpd_relay_restrictions"] =
        "check_policy_service unix:policyd/policyd.sock, reject_unauth_destination";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_relay_restrictions: the policy service is asked "
                                      "before"));
    postfix_.values["smtpd_relay_restrictions"] = "";
    postfix_.values["smtpd_restriction_classes"] = "ask";
    postfix_.unknown["ask"] = "check_policy_service unix:policyd/policyd.sock";
    postfix_.values["smtpd_recipient_restrictions"] = "ask, reject_unauth_destination";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_recipient_restrictions: the policy service is asked "
                                      "before"));
}

TEST_F(PostfixMistakesTest, AClientListThatEndsTheSearch) {
    postfix_.values["smtpd_client_restrictions"] = "hash:/etc/postfix/access, reject";
    EXPECT_THAT(Warnings(), HasSubstr("asked about listed clients only"));
}

TEST_F(PostfixMistakesTest, ConnectionsThatThisSideClosesFirst) {
    options_["idle_time_limit"] = "100s";
    const std::string warnings = Warnings();
    EXPECT_THAT(warnings, HasSubstr("policyd.toml:1: idle_time_limit is not longer than "
                                    "Postfix's smtpd_policy_service_max_idle (300s)"));
}

}  // namespace
}  // namespace policyd::ctl
