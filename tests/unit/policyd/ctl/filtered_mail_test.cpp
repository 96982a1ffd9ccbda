#include "policyd/ctl/filtered_mail.hpp"

#include <utility>

#include "tests/unit/policyd/ctl/sound_postfix_fixture.hpp"

namespace policyd::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

class FilteredMailTest : public SoundPostfixTest {};

TEST_F(FilteredMailTest, AFilterWhoseMailIsCountedTwice) {
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

TEST_F(FilteredMailTest, AFilterWhoseMailGoesRound) {
    postfix_.of_service["127.0.0.1:10026/inet"] = {{"smtpd_recipient_restrictions", "permit"},
                                                   {"smtpd_end_of_data_restrictions", ""}};
    EXPECT_EQ(Warnings(), "");
    postfix_.values["content_filter"] = "scan:[127.0.0.1]:10025";
    EXPECT_THAT(Warnings(), HasSubstr("127.0.0.1:10026/inet: goes by main.cf: content_filter"));
    // Mail that users hand in is to be filtered.
    postfix_.of_service["127.0.0.1:587/inet"] = {{"smtpd_end_of_data_restrictions", ""}};
    postfix_.of_service["127.0.0.1:10026/inet"]["content_filter"] = "";
    EXPECT_THAT(Warnings(), Not(HasSubstr("goes by main.cf")));
}

TEST_F(FilteredMailTest, AliasesThatAreExpandedBeforeAFilterAndBehindIt) {
    const auto warns = HasSubstr("are expanded before the content_filter and again behind it");
    PostfixSettings::Values& behind = postfix_.of_service["127.0.0.1:10025/inet"];
    behind = {{"content_filter", ""},
              {"receive_override_options", "no_unknown_recipient_checks"},
              {"smtpd_recipient_restrictions", "permit_mynetworks,reject"},
              {"smtpd_end_of_data_restrictions", ""}};
    postfix_.smtpd["127.0.0.1:10025/inet"] = {};
    postfix_.smtpd["submission/inet"] = {};
    EXPECT_EQ(Warnings(), "") << "there is no filter";
    postfix_.values["content_filter"] = "scan:[127.0.0.1]:10024";
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: smtp/inet, submission/inet: aliases are expanded "
              "before the content_filter and again behind it, so whom a user forwards to gets two "
              "copies where the user keeps one, and one of the two is counted: add "
              "no_address_mappings to receive_override_options here\n");
    postfix_.of_service["submission/inet"]["content_filter"] = "";
    EXPECT_THAT(Warnings(), HasSubstr("master.cf: smtp/inet: aliases are expanded"));
    postfix_.of_service["smtp/inet"]["receive_override_options"] =
        "no_milters, no_address_mappings";
    EXPECT_EQ(Warnings(), "");
    postfix_.of_service["smtp/inet"] = {{"smtpd_proxy_filter", "127.0.0.1:10026"}};
    EXPECT_THAT(Warnings(), Not(warns)) << "nothing is expanded in front of a proxy";
    postfix_.of_service["smtp/inet"] = {{"content_filter", ""}};
    EXPECT_EQ(Warnings(), "");
    postfix_.of_service.erase("smtp/inet");
    EXPECT_THAT(Warnings(), warns);
    behind["receive_override_options"] = "no_address_mappings";
    EXPECT_EQ(Warnings(), "") << "the filter sees the targets";
    behind["receive_override_options"] = "";
    postfix_.values["receive_override_options"] = "no_address_mappings";
    EXPECT_EQ(Warnings(), "");
}

TEST_F(FilteredMailTest, AliasesThatASendmailBehindTheFilterLeavesAlone) {
    postfix_.of_service["smtp/inet"] = {{"content_filter", "filter:dummy"}};
    EXPECT_THAT(Warnings(), HasSubstr("aliases are expanded"));
    postfix_.of_service["pickup/unix"] = {{"receive_override_options", "no_address_mappings"}};
    EXPECT_EQ(Warnings(), "");
}

struct ServiceBesideAFilter {
    const char* name;
    const char* service;
    PostfixSettings::Values own;
    bool takes_mail_back;
};

const ServiceBesideAFilter kServicesBesideAFilter[] = {
    {"Usual",
     "127.0.0.1:10025/inet",
     {{"smtpd_recipient_restrictions", "permit_mynetworks,reject"},
      {"smtpd_end_of_data_restrictions", ""}},
     true},
    {"StillAskedAtTheEnd",
     "[::1]:10025/inet",
     {{"smtpd_recipient_restrictions", "permit_mynetworks,reject"}},
     true},
    {"WithoutAHost",
     "10025/inet",
     {{"smtpd_recipient_restrictions", "Permit_MyNetworks, REJECT"}},
     true},
    {"ByRelayRestrictions",
     "localhost:10025/inet",
     {{"smtpd_relay_restrictions", "permit_mynetworks,reject"},
      {"smtpd_end_of_data_restrictions", ""}},
     true},
    {"WithoutRelayRestrictions",
     "[127.0.0.1]:10025/inet",
     {{"smtpd_relay_restrictions", ""},
      {"smtpd_recipient_restrictions", "permit_mynetworks,reject_unauth_destination"}},
     true},
    {"WithAListThatIsBroken",
     "127.0.0.1:10025/inet",
     {{"smtpd_recipient_restrictions", "permit_mynetworks, {reject"}},
     true},
    {"ThatAsksOfRecipients",
     "127.0.0.1:10587/inet",
     {{"smtpd_recipient_restrictions",
       "check_policy_service unix:policyd/policyd.sock,permit_mynetworks,reject"},
      {"smtpd_end_of_data_restrictions", ""}},
     false},
    {"ThatAsksAtTheEnd",
     "127.0.0.1:10587/inet",
     {{"smtpd_recipient_restrictions", "permit_mynetworks,reject"},
      {"smtpd_end_of_data_restrictions", "check_policy_service unix:policyd/policyd.sock"}},
     false},
    {"ThatAsksAnotherService",
     "127.0.0.1:10587/inet",
     {{"smtpd_recipient_restrictions",
       "check_policy_service inet:127.0.0.1:10023,permit_mynetworks,reject"}},
     false},
    {"ThatAsksAsMainCfSays",
     "127.0.0.1:10587/inet",
     {{"smtpd_relay_restrictions", "permit_mynetworks,reject"}},
     false},
    {"ForUsers",
     "127.0.0.1:10587/inet",
     {{"smtpd_recipient_restrictions", "permit_mynetworks,permit_sasl_authenticated,reject"}},
     false},
    {"ForUsersByTheListOfClients",
     "10587/inet",
     {{"smtpd_client_restrictions", "permit_sasl_authenticated,reject"},
      {"smtpd_recipient_restrictions", "permit_mynetworks,reject"}},
     false},
    {"ForMailServersBehindAProxy",
     "127.0.0.1:10125/inet",
     {{"smtpd_recipient_restrictions", "reject_unauth_destination"}},
     false},
    {"ForMailServersOnAnotherPort",
     "2525/inet",
     {{"smtpd_recipient_restrictions", "permit_mynetworks,reject_unauth_destination"}},
     false},
    {"ForTheNetwork",
     "192.0.2.1:10025/inet",
     {{"smtpd_recipient_restrictions", "permit_mynetworks,reject"}},
     false},
    {"OfMailman",
     "mailman/unix",
     {{"smtpd_recipient_restrictions", "permit_mynetworks,reject"}},
     false},
};

class ServiceBesideAFilterTest : public SoundPostfixTest,
                                 public testing::WithParamInterface<ServiceBesideAFilter> {};

TEST_P(ServiceBesideAFilterTest, IsWarnedOfWhereItMayTakeMailBack) {
    postfix_.values["content_filter"] = "scan:[127.0.0.1]:10024";
    // They ask as well, but no access table answers with them.
    postfix_.values["smtpd_restriction_classes"] = "room";
    postfix_.unknown["room"] = "check_policy_service unix:policyd/policyd.sock";
    postfix_.of_service[GetParam().service] = GetParam().own;
    const auto warns = HasSubstr(std::string(GetParam().service) + ": goes by main.cf");
    const std::string warnings = Warnings();
    EXPECT_EQ(testing::Value(warnings, warns), GetParam().takes_mail_back) << warnings;
    postfix_.of_service[GetParam().service]["content_filter"] = "";
    EXPECT_THAT(Warnings(), Not(warns));
}

INSTANTIATE_TEST_SUITE_P(Services, ServiceBesideAFilterTest,
                         testing::ValuesIn(kServicesBesideAFilter),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace policyd::ctl
