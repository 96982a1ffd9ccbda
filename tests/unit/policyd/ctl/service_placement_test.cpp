#include "policyd/ctl/service_placement.hpp"

#include <utility>

#include "tests/unit/policyd/ctl/sound_postfix_fixture.hpp"

namespace policyd::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

class ServicePlacementTest : public SoundPostfixTest {};

TEST_F(ServicePlacementTest, AMailServerThatDoesNotAsk) {
    postfix_.values["smtpd_recipient_restrictions"] = "reject_unauth_destination";
    postfix_.values["smtpd_end_of_data_restrictions"] = "";
    const std::string warnings = Warnings();
    EXPECT_THAT(warnings, HasSubstr("smtpd_recipient_restrictions: does not ask"));
    EXPECT_THAT(warnings, HasSubstr("smtpd_end_of_data_restrictions: does not ask"));
}

TEST_F(ServicePlacementTest, AMailServerThatAsksAnotherService) {
    options_["listen"] = "inet:127.0.0.1:10031, unix:/run/policyd/policy.sock";
    for (const char* ours : {"inet:localhost:10031", "unix:/run/policyd/../policyd/policy.sock",
                             "{ inet:mx:10031, { timeout = 10s } }"}) {
        for (const char* stage : {"recipient", "end_of_data"})
            postfix_.values["smtpd_" + std::string(stage) + "_restrictions"] =
                "check_policy_service " + std::string(ours);
        EXPECT_EQ(Warnings(), "") << ours;
    }
    postfix_.values["smtpd_recipient_restrictions"] = "check_policy_service inet:127.0.0.1:10023";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_recipient_restrictions: asks other policy services"));
}

TEST_F(ServicePlacementTest, AServiceBehindWhatDecidesInAnyCase) {
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

TEST_F(ServicePlacementTest, FollowsRestrictionClasses) {
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
    postfix_.values["smtpd_recipient_restrictions"] = "reject_unauth_destination";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_recipient_restrictions: does not ask"));
    postfix_.values["smtpd_recipient_restrictions"] = "hash:/x";
    EXPECT_EQ(Warnings(), "");
    postfix_.unknown["room"] = "reject_unverified_recipient";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_recipient_restrictions: does not ask"));
}

TEST_F(ServicePlacementTest, WhatUsersSendPastTheService) {
    postfix_.of_service["submission/inet"] = {{"smtpd_relay_restrictions", "permit, reject"}};
    EXPECT_EQ(Warnings(), "");
    postfix_.of_service["192.0.2.1:587/inet"] = {
        {"smtpd_recipient_restrictions", "permit_sasl_authenticated, reject"}};
    postfix_.of_service["10025/inet"] = {{"smtpd_recipient_restrictions", "permit_mynetworks"}};
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: 192.0.2.1:587/inet: -o "
              "smtpd_recipient_restrictions: does not ask the policy service about users, so what "
              "they send is neither checked nor counted before the next scan: add "
              "check_policy_service before permit_sasl_authenticated\n");
    postfix_.of_service["192.0.2.1:587/inet"] = {
        {"smtpd_recipient_restrictions",
         "permit_sasl_authenticated, check_policy_service unix:policyd/policyd.sock, reject"}};
    EXPECT_THAT(Warnings(), HasSubstr("does not ask the policy service about users"));
    postfix_.of_service["192.0.2.1:587/inet"] = {
        {"smtpd_recipient_restrictions", "check_policy_service unix:policyd/policyd.sock, reject"}};
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServicePlacementTest, UsersWhomTheListOfClientsRefusesAreForASecondService) {
    options_["client_access_default"] = "554 5.7.1 Not on the list";
    postfix_.of_service["submission/inet"] = {
        {"smtpd_recipient_restrictions", "permit_sasl_authenticated, reject"},
        {"smtpd_end_of_data_restrictions", ""}};
    const auto advice = HasSubstr(
        "before the next scan: set client_access_permit_sasl_authenticated, or client_access "
        "refuses them, and add check_policy_service before permit_sasl_authenticated\n");
    EXPECT_THAT(Warnings(), advice);
    for (const char* stage : {"recipient", "end_of_data"})
        postfix_.of_service["submission/inet"]["smtpd_" + std::string(stage) + "_restrictions"] =
            "check_policy_service unix:policyd/users.sock, permit_sasl_authenticated, reject";
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServicePlacementTest, UsersWhomTheListOfClientsRefuses) {
    options_["client_access_default"] = "554 5.7.1 Not on the list";
    postfix_.smtpd["587/inet"] = {};
    EXPECT_EQ(Warnings(), "") << "nobody logs in";
    postfix_.of_service["587/inet"] = {
        {"smtpd_sasl_auth_enable", "yes"},
        {"smtpd_client_restrictions", "permit_sasl_authenticated, reject"}};
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: 587/inet: goes by main.cf: "
              "smtpd_recipient_restrictions: the policy service is asked about users who log in, "
              "and its client_access refuses them from addresses that client_access_maps does not "
              "have: set client_access_permit_sasl_authenticated, or, where nothing that they send "
              "is to be checked, put permit_sasl_authenticated before the service\n");
    postfix_.values["smtpd_sasl_auth_enable"] = "yes";
    EXPECT_THAT(Warnings(), HasSubstr("smtp/inet: goes by main.cf: smtpd_recipient_restrictions: "
                                      "the policy service is asked about users"));
    postfix_.values["smtpd_recipient_restrictions"] =
        "permit_sasl_authenticated, check_policy_service unix:policyd/policyd.sock";
    EXPECT_EQ(Warnings(), "");
    postfix_.of_service["587/inet"]["smtpd_sender_restrictions"] =
        "check_policy_service unix:policyd/policyd.sock";
    EXPECT_THAT(Warnings(), HasSubstr("master.cf: 587/inet: -o smtpd_sender_restrictions: the "
                                      "policy service is asked about users"));
    options_["dry_run"] = "client_access";
    EXPECT_EQ(Warnings(), "");
    options_.erase("dry_run");
    options_["client_access_permit_sasl_authenticated"] = "true";
    EXPECT_EQ(Warnings(), "");
    options_.erase("client_access_permit_sasl_authenticated");
    options_["checks"] = "recipient, mailbox_quota";
    EXPECT_EQ(Warnings(), "");
    options_.erase("checks");
    options_.erase("client_access_default");
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServicePlacementTest, WhatMasterCfSaysOfPort25IsWhatCounts) {
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

struct SecondListener {
    const char* name;
    const char* service;
    PostfixSettings::Values own;
    bool is_warned_of;
};

const PostfixSettings::Values kAsksNobody = {
    {"smtpd_recipient_restrictions", "permit_mynetworks, reject_unauth_destination"},
    {"smtpd_end_of_data_restrictions", ""}};

PostfixSettings::Values WithoutAsking(PostfixSettings::Values besides) {
    besides.insert(kAsksNobody.begin(), kAsksNobody.end());
    return besides;
}

const SecondListener kSecondListeners[] = {
    {"OnAnotherAddress", "192.0.2.2:smtp/inet", kAsksNobody, true},
    {"BehindPostscreen", "smtpd/pass", kAsksNobody, true},
    {"OnAnotherPort", "2525/inet", kAsksNobody, true},
    {"OnAnotherPortOfOneAddress", "[2001:db8::1]:2525/inet", kAsksNobody, true},
    {"WithListsOfItsOwnThatAskNobody",
     "192.0.2.2:2525/inet",
     {{"smtpd_relay_restrictions", "reject_unauth_destination"},
      {"smtpd_recipient_restrictions", ""},
      {"smtpd_end_of_data_restrictions", ""}},
     true},
    {"OnLoopback", "127.0.0.1:10025/inet", kAsksNobody, false},
    {"ForThisNetwork",
     "192.0.2.2:smtp/inet",
     {{"smtpd_recipient_restrictions", "permit_mynetworks, reject"},
      {"smtpd_end_of_data_restrictions", ""}},
     false},
    {"ForThisNetworkByTheListOfClients", "192.0.2.2:10025/inet",
     WithoutAsking({{"smtpd_client_restrictions", "permit_mynetworks,reject"}}), false},
    {"ForAFilterThatATableKnows", "192.0.2.2:10025/inet",
     WithoutAsking({{"smtpd_client_restrictions", "check_client_access cidr:/x,reject"}}), false},
    {"ForMailServersThatATableKnows", "192.0.2.2:smtp/inet",
     WithoutAsking({{"smtpd_client_restrictions", "check_client_access cidr:/x,reject"}}), true},
    {"ForMailServersThatAClassKnows",
     "192.0.2.2:25/inet",
     {{"smtpd_recipient_restrictions", "friends, reject"}, {"smtpd_end_of_data_restrictions", ""}},
     true},
    {"ForOurDomains",
     "192.0.2.2:2525/inet",
     {{"smtpd_recipient_restrictions", "permit_auth_destination, reject"},
      {"smtpd_end_of_data_restrictions", ""}},
     true},
    {"ThatGoesByMainCf", "192.0.2.2:smtp/inet", {}, false},
};

class SecondListenerTest : public SoundPostfixTest,
                           public testing::WithParamInterface<SecondListener> {};

TEST_P(SecondListenerTest, IsWarnedOfWhereItTakesMailFromOutsideAndAsksNobody) {
    const SecondListener& listener = GetParam();
    postfix_.smtpd[listener.service] = {};
    postfix_.of_service[listener.service] = listener.own;
    const std::string place = "master.cf: " + std::string(listener.service) + ": -o smtpd_";
    const std::string warnings = Warnings();
    if (listener.is_warned_of) {
        EXPECT_THAT(warnings, HasSubstr(place + "recipient_restrictions: does not ask the policy"));
        EXPECT_THAT(warnings, HasSubstr(place + "end_of_data_restrictions: does not ask the pol"));
        EXPECT_THAT(warnings, Not(HasSubstr("smtp/inet: goes by")));
    } else {
        EXPECT_EQ(warnings, "");
    }
}

INSTANTIATE_TEST_SUITE_P(Services, SecondListenerTest, testing::ValuesIn(kSecondListeners),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_F(ServicePlacementTest, AListenerThatGoesByAMainCfThatAsksNobody) {
    const auto lists = {"smtpd_recipient_restrictions", "smtpd_end_of_data_restrictions"};
    postfix_.smtpd = {{"192.0.2.1:smtp/inet", {}}, {"192.0.2.2:smtp/inet", {}}};
    for (const char* list : lists)
        postfix_.of_service["192.0.2.1:smtp/inet"][list] = std::exchange(postfix_.values[list], "");
    EXPECT_THAT(Warnings(), HasSubstr("master.cf: 192.0.2.2:smtp/inet: goes by main.cf: "
                                      "smtpd_recipient_restrictions: does not ask"));
    postfix_.of_service["192.0.2.2:smtp/inet"] = postfix_.of_service["192.0.2.1:smtp/inet"];
    EXPECT_EQ(Warnings(), "");
    postfix_.of_service["192.0.2.2:smtp/inet"]["smtpd_end_of_data_restrictions"] = "";
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: 192.0.2.2:smtp/inet: -o "
              "smtpd_end_of_data_restrictions: does not ask the policy service: add "
              "check_policy_service; the real size of a message is not checked\n");
}

TEST_F(ServicePlacementTest, UsersWhoLogInOnAPortOfTheirOwn) {
    PostfixSettings::Values& own = postfix_.of_service["2525/inet"];
    own = {{"smtpd_sasl_auth_enable", "Yes"},
           {"smtpd_recipient_restrictions", "permit_sasl_authenticated, reject"},
           {"smtpd_end_of_data_restrictions", ""}};
    postfix_.smtpd["2525/inet"] = {};
    EXPECT_THAT(Warnings(), HasSubstr("master.cf: 2525/inet: -o smtpd_recipient_restrictions: does "
                                      "not ask the policy service about users"));
    EXPECT_THAT(Warnings(), HasSubstr("so the real size of what they send is not checked"));
    own["smtpd_sasl_auth_enable"] = "no";
    EXPECT_EQ(Warnings(), "");
    // Port 25 stays one of mail servers.
    postfix_.of_service["smtp/inet"] = {{"smtpd_sasl_auth_enable", "yes"},
                                        {"smtpd_recipient_restrictions", ""}};
    EXPECT_THAT(Warnings(), HasSubstr("master.cf: smtp/inet: -o smtpd_recipient_restrictions: does "
                                      "not ask the policy service: add"));
}

TEST_F(ServicePlacementTest, AServiceThatIsNamedMoreThanOnce) {
    const std::string ask = "check_policy_service unix:policyd/policyd.sock";
    postfix_.values["smtpd_data_restrictions"] = ask;
    EXPECT_EQ(Warnings(), "");
    postfix_.values["smtpd_relay_restrictions"] = "reject_unauth_destination, " + ask;
    const std::string warning =
        "warning: /etc/postfix/main.cf: smtpd_recipient_restrictions: the policy service is asked "
        "more than once about each recipient (smtpd_relay_restrictions, "
        "smtpd_recipient_restrictions): name it in one of them";
    EXPECT_EQ(Warnings(), warning + '\n');
    options_["full_at_end_of_message"] = "defer";
    EXPECT_EQ(Warnings(), warning +
                              ": until then full_at_end_of_message = \"defer\" does not work, and "
                              "a message that turns out too large is let in\n");
    options_.erase("full_at_end_of_message");
    postfix_.values["smtpd_relay_restrictions"] = "reject_unauth_destination";
    postfix_.smtpd["192.0.2.2:smtp/inet"] = {};
    postfix_.of_service["192.0.2.2:smtp/inet"] = {{"smtpd_sender_restrictions", ask}};
    EXPECT_THAT(Warnings(), HasSubstr("master.cf: 192.0.2.2:smtp/inet: -o "
                                      "smtpd_sender_restrictions: the policy service is asked "
                                      "more than once"));
    postfix_.of_service["192.0.2.2:smtp/inet"]["smtpd_delay_reject"] = "no";
    EXPECT_EQ(Warnings(), "") << "nobody knows the recipient there";
}

TEST_F(ServicePlacementTest, AClassThatATableMayAnswerWithIsNotNamedByEveryTable) {
    postfix_.values["smtpd_restriction_classes"] = "room";
    postfix_.unknown["room"] = "check_policy_service unix:policyd/policyd.sock";
    postfix_.values["smtpd_sender_restrictions"] = "check_sender_access hash:/x";
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServicePlacementTest, WhatUsersSendOfAnyRealSize) {
    postfix_.of_service["submission/inet"] = {{"smtpd_end_of_data_restrictions", ""}};
    EXPECT_THAT(Warnings(), HasSubstr("so the real size of what they send is not checked"));
}

TEST_F(ServicePlacementTest, AnotherServiceThatMaySayOkFirst) {
    postfix_.values["smtpd_recipient_restrictions"] =
        "check_policy_service inet:127.0.0.1:10023, check_policy_service unix:policyd/policyd.sock";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_recipient_restrictions: inet:127.0.0.1:10023 is asked "
                                      "before this policy service"));
    postfix_.values["smtpd_recipient_restrictions"] =
        "check_policy_service unix:policyd/policyd.sock, check_policy_service inet:127.0.0.1:10023";
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServicePlacementTest, AServiceThatIsAskedButHasOtherTables) {
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

TEST_F(ServicePlacementTest, AServiceThatIsAskedBeforeRelayingIsRefused) {
    postfix_.values["smtpd_relay_restrictions"] = "";
    postfix_.values["smtpd_recipient_restrictions"] =
        "check_policy_service unix:policyd/policyd.sock, reject_unauth_destination";
    EXPECT_THAT(Warnings(), HasSubstr("is asked before reject_unauth_destination"));
    postfix_.values["smtpd_recipient_restrictions"] =
        "check_policy_service inet:127.0.0.1:10023, reject_unauth_destination, "
        "check_policy_service unix:policyd/policyd.sock";
    EXPECT_THAT(Warnings(), Not(HasSubstr("is asked before reject")));
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

TEST_F(ServicePlacementTest, AServiceThatMayBeAnotherWhereTheServiceManagerListens) {
    options_["listen"] = "";
    options_["client_access_default"] = "554 5.7.1 Not on the list";
    const std::string ask = "check_policy_service inet:127.0.0.1:10023";
    postfix_.values["smtpd_sasl_auth_enable"] = "yes";
    postfix_.values["content_filter"] = "scan:[127.0.0.1]:10024";
    postfix_.values["receive_override_options"] = "no_address_mappings";
    postfix_.values["smtpd_relay_restrictions"] = "";
    postfix_.values["smtpd_recipient_restrictions"] = ask + ", reject_unauth_destination";
    postfix_.values["smtpd_end_of_data_restrictions"] = ask;
    postfix_.of_service["smtp/inet"] = {{"recipient_delimiter", "-"}};
    postfix_.of_service["10025/inet"] = {
        {"smtpd_recipient_restrictions", "permit_mynetworks, reject"}, {"content_filter", ""}};
    EXPECT_EQ(Warnings(), "");
    postfix_.values["smtpd_recipient_restrictions"] = "reject, " + ask;
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/main.cf: smtpd_recipient_restrictions: inet:127.0.0.1:10023 "
              "stands behind reject, and is never asked\n");
    postfix_.values["smtpd_recipient_restrictions"] = "reject_unauth_destination";
    EXPECT_THAT(Warnings(), HasSubstr("does not ask the policy service: add"));
}

TEST_F(ServicePlacementTest, AServiceThatIsAskedInAListOfTheWrongStage) {
    for (const char* stage : {"client", "helo", "sender"}) {
        const std::string list = "smtpd_" + std::string(stage) + "_restrictions";
        const std::string asks = std::exchange(postfix_.values["smtpd_recipient_restrictions"], "");
        postfix_.values[list] = asks;
        EXPECT_THAT(Warnings(), HasSubstr("smtpd_recipient_restrictions: does not ask the policy "
                                          "service, which is asked too early: move "
                                          "check_policy_service here from "
                                          "/etc/postfix/main.cf: " +
                                          list));
        postfix_.values.erase(list);
        postfix_.values["smtpd_recipient_restrictions"] = asks;
    }
}

TEST_F(ServicePlacementTest, AClientListThatEndsTheSearch) {
    postfix_.values["smtpd_client_restrictions"] = "hash:/etc/postfix/access, reject";
    EXPECT_THAT(Warnings(),
                HasSubstr("asked about listed clients only: to let client_access decide, first "
                          "have client_access_maps list whom hash:/etc/postfix/access lets in, "));
}

}  // namespace
}  // namespace policyd::ctl
