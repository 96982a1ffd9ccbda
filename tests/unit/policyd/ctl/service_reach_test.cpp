#include "policyd/ctl/service_reach.hpp"

#include <filesystem>

#include "tests/unit/policyd/ctl/sound_postfix_fixture.hpp"

namespace policyd::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

class ServiceReachTest : public SoundPostfixTest {
protected:
    void MainCfAsks(const std::string& service) {
        for (const char* list : {"smtpd_recipient_restrictions", "smtpd_end_of_data_restrictions"})
            postfix_.values[list] = "check_policy_service " + service;
    }
};

TEST_F(ServiceReachTest, APathOutsideOfTheChroot) {
    options_["listen"] = "unix:/run/policyd/policyd.sock";
    MainCfAsks("{ unix:/run/policyd/policyd.sock, default_action=DUNNO }");
    EXPECT_EQ(Warnings(), "");
    postfix_.smtpd["smtp/inet"].is_chrooted = true;
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: smtp/inet: runs in a chroot, so "
              "unix:/run/policyd/policyd.sock is "
              "/var/spool/postfix/run/policyd/policyd.sock, where policyd does not listen: write "
              "unix:policyd/policyd.sock, and add "
              "unix:/var/spool/postfix/policyd/policyd.sock to listen\n");
    options_["listen"] += ", unix:/var/spool/postfix/private/policy";
    EXPECT_THAT(Warnings(), HasSubstr("does not listen: write unix:private/policy\n"));
    // Mounted into the chroot, say, and policyd listens on what is there.
    options_["listen"] = "unix:/var/spool/postfix/run/policyd/policyd.sock";
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServiceReachTest, APathOutsideOfTheChrootThatIsTheSameFile) {
    postfix_.values["queue_directory"] = scratch_.Path().string();
    const auto in_chroot = scratch_.Write("run/policyd.sock", "");
    const auto outside = scratch_.Path() / "outside";
    std::filesystem::create_hard_link(in_chroot, outside);
    options_["listen"] = "unix:" + outside.string();
    MainCfAsks("unix:/run/policyd.sock");
    postfix_.smtpd["smtp/inet"].is_chrooted = true;
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServiceReachTest, APathBelowTheQueueDirectoryIsAnotherOneInTheChroot) {
    MainCfAsks("unix:/var/spool/postfix/policyd/policyd.sock");
    EXPECT_EQ(Warnings(), "");
    postfix_.smtpd["smtp/inet"].is_chrooted = true;
    EXPECT_THAT(Warnings(), HasSubstr("is /var/spool/postfix/var/spool/postfix/policyd/policyd.sock"
                                      ", where policyd does not listen: write "
                                      "unix:policyd/policyd.sock\n"));
    MainCfAsks("unix:policyd/policyd.sock");
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServiceReachTest, APathThatIsRightOnlyInTheChroot) {
    MainCfAsks("unix:/policyd/policyd.sock");
    postfix_.smtpd["smtp/inet"].is_chrooted = true;
    EXPECT_EQ(Warnings(), "");
    postfix_.smtpd["10025/inet"].is_chrooted = false;
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: 10025/inet: does not run in a chroot, so "
              "unix:/policyd/policyd.sock is /policyd/policyd.sock, where policyd does not listen: "
              "write unix:policyd/policyd.sock\n");
    postfix_.of_service["10025/inet"] = {
        {"smtpd_recipient_restrictions", "permit_mynetworks, reject"},
        {"smtpd_end_of_data_restrictions", ""}};
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServiceReachTest, APathOutsideOfTheChrootWhereTheServiceManagerListens) {
    options_["listen"] = "";
    postfix_.smtpd["smtp/inet"].is_chrooted = true;
    const std::string socket = scratch_.Write("policyd.sock", "").string();
    MainCfAsks("unix:" + socket);
    EXPECT_THAT(Warnings(), HasSubstr("is /var/spool/postfix" + socket +
                                      ", where nobody listens: have the service listen below "
                                      "/var/spool/postfix, and write its path from there\n"));
    MainCfAsks("unix:/policyd/policyd.sock");
    EXPECT_THAT(Warnings(), Not(HasSubstr("chroot"))) << "nobody listens here";
}

TEST_F(ServiceReachTest, AServiceThatMayBeAnotherWhereTheServiceManagerListens) {
    options_["listen"] = "";
    options_["request_time_limit"] = "10s";
    options_["max_connections"] = "50";
    MainCfAsks("{ inet:127.0.0.1:10023, default_action=PERMIT, timeout=5s }");
    EXPECT_EQ(Warnings(), "");
    MainCfAsks("inet:127.0.0.1:10023");
    postfix_.values["smtpd_policy_service_timeout"] = "soon";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_policy_service_timeout: expected a time with a unit"));
}

TEST_F(ServiceReachTest, ADefaultActionThatRefusesForGood) {
    MainCfAsks("{ unix:policyd/policyd.sock, default_action=REJECT }");
    EXPECT_THAT(Warnings(),
                HasSubstr("warning: /etc/postfix/main.cf: smtpd_recipient_restrictions: "
                          "unix:policyd/policyd.sock: default_action: while policyd is away, "
                          "REJECT refuses mail for good: set it to DUNNO, or to "
                          "DEFER_IF_PERMIT\n"));
    postfix_.values["smtpd_policy_service_default_action"] = "550 5.7.1 Sorry";
    MainCfAsks("{ unix:policyd/policyd.sock, default_action=DUNNO }");
    EXPECT_EQ(Warnings(), "");
    MainCfAsks("unix:policyd/policyd.sock");
    EXPECT_EQ(
        Warnings(),
        "warning: /etc/postfix/main.cf: smtpd_policy_service_default_action: while policyd is "
        "away, 550 5.7.1 Sorry refuses mail for good: set it to DUNNO, or to "
        "DEFER_IF_PERMIT\n");
    postfix_.of_service["smtp/inet"]["smtpd_policy_service_default_action"] =
        "451 4.3.5 Server configuration problem";
    EXPECT_EQ(Warnings(), "");
}

TEST_F(ServiceReachTest, ADefaultActionThatLetsMailPastTheRestOfTheList) {
    for (const char* action : {"OK", "permit", "RELAY", "200"}) {
        MainCfAsks("{ unix:policyd/policyd.sock, default_action=" + std::string(action) + " }");
        EXPECT_THAT(Warnings(), HasSubstr("default_action: while policyd is away, " +
                                          std::string(action) + " skips whatever stands behind"));
    }
    for (const char* action :
         {"DEFER_IF_PERMIT", "dunno", "{ default_action = 450 later }", "permit_mynetworks"}) {
        const std::string attribute =
            std::string(action).starts_with('{') ? action : "default_action=" + std::string(action);
        MainCfAsks("{ unix:policyd/policyd.sock, " + attribute + " }");
        EXPECT_EQ(Warnings(), "") << action;
    }
}

TEST_F(ServiceReachTest, ARefusalThatPostfixOnlyWarnsOf) {
    const std::string ask = "check_policy_service unix:policyd/policyd.sock";
    std::string& list = postfix_.values["smtpd_recipient_restrictions"];
    list = "warn_if_reject reject_unlisted_recipient, " + ask;
    EXPECT_EQ(Warnings(), "") << "it is for the next restriction alone";
    list = "Warn_If_Reject, " + ask;
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/main.cf: smtpd_recipient_restrictions: "
              "unix:policyd/policyd.sock stands behind warn_if_reject: what policyd refuses is let "
              "in, and not counted before the next scan: take warn_if_reject away, and name the "
              "checks in dry_run, with which all is let in and counted\n");
    postfix_.values["smtpd_restriction_classes"] = "room";
    postfix_.unknown["room"] = "permit_mynetworks, " + ask;
    list = "room";
    EXPECT_EQ(Warnings(), "");
    list = "warn_if_reject room";
    EXPECT_THAT(Warnings(), HasSubstr("stands behind warn_if_reject")) << "so does all in it";
    list = "warn_if_reject check_policy_service inet:127.0.0.1:10023, room";
    EXPECT_THAT(Warnings(), Not(HasSubstr("stands behind warn_if_reject"))) << "another is asked";
}

TEST_F(ServiceReachTest, ATimeoutThatEndsBeforePolicydAnswers) {
    options_["request_time_limit"] = "10s";
    MainCfAsks("{ unix:policyd/policyd.sock, timeout=10s }");
    EXPECT_THAT(
        Warnings(),
        HasSubstr("smtpd_recipient_restrictions: unix:policyd/policyd.sock: timeout: 10s is "
                  "not longer than policyd's request_time_limit (10s), so Postfix gives it "
                  "up while it may still answer\n"));
    postfix_.values["smtpd_policy_service_timeout"] = "5s";
    MainCfAsks("{ unix:policyd/policyd.sock, timeout=11s }");
    EXPECT_EQ(Warnings(), "");
    MainCfAsks("unix:policyd/policyd.sock");
    EXPECT_THAT(Warnings(), HasSubstr("main.cf: smtpd_policy_service_timeout: 5s is not longer"));
    postfix_.values["smtpd_policy_service_timeout"] = "soon";
    EXPECT_THAT(Warnings(), HasSubstr("smtpd_policy_service_timeout: expected a time with a unit"));
}

TEST_F(ServiceReachTest, AnAttributeWithWhichSmtpdEnds) {
    postfix_.values["smtpd_sender_restrictions"] =
        "check_policy_service { inet:127.0.0.1:10023, timeut=10s }";
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/main.cf: smtpd_sender_restrictions: inet:127.0.0.1:10023: "
              "there is no attribute \"timeut\"; perhaps \"timeout\" was meant: smtpd ends with a "
              "fatal error, and takes no mail\n");
}

TEST_F(ServiceReachTest, AClientThatIsRefusedAtTheEndCanShutThePort) {
    postfix_.values["service_throttle_time"] = "60s";
    postfix_.smtpd["127.0.0.1:10025/inet"] = {};
    postfix_.of_service["127.0.0.1:10025/inet"] = {{"smtpd_end_of_data_restrictions", ""}};
    EXPECT_EQ(
        Warnings(),
        "warning: /etc/postfix/main.cf: service_throttle_time: is 60s: an smtpd whose client "
        "sends DATA again after a refusal at the end of a message crashes, and for so long no "
        "other is started (smtp/inet): set it to 1s\n");
    for (const char* time : {"1s", "10", "10s"}) {
        postfix_.values["service_throttle_time"] = time;
        EXPECT_EQ(Warnings(), "") << time;
    }
    postfix_.values["service_throttle_time"] = "11s";
    EXPECT_THAT(Warnings(), HasSubstr("service_throttle_time: is 11s"));
    const char* const kList = "smtpd_end_of_data_restrictions";
    postfix_.of_service["127.0.0.1:10025/inet"][kList] = postfix_.values[kList];
    postfix_.of_service["smtp/inet"][kList] = "check_policy_service unix:private/other";
    EXPECT_THAT(Warnings(), HasSubstr("no other is started (127.0.0.1:10025/inet): set it"));
    options_["listen"] = "";
    EXPECT_THAT(Warnings(), HasSubstr("(127.0.0.1:10025/inet, smtp/inet): set it"))
        << "it may be policyd";
    for (const char* service : {"smtp/inet", "127.0.0.1:10025/inet"})
        postfix_.of_service[service][kList] = "warn_if_reject " + postfix_.values[kList];
    EXPECT_EQ(Warnings(), "") << "nobody is refused";
}

TEST_F(ServiceReachTest, MoreConnectionsThanPolicydTakes) {
    options_["max_connections"] = "200";
    postfix_.values["default_process_limit"] = "200";
    EXPECT_EQ(Warnings(), "");
    postfix_.values["default_process_limit"] = "201";
    EXPECT_EQ(Warnings(),
              "warning: policyd.toml:2: max_connections is 200, but Postfix may open 201 (by "
              "default_process_limit or maxproc of smtp/inet): set it higher\n");
    postfix_.smtpd["smtp/inet"].process_limit = "150";
    EXPECT_EQ(Warnings(), "");
    postfix_.smtpd["2525/inet"].process_limit = "51";
    EXPECT_THAT(Warnings(), HasSubstr("may open 201 (by default_process_limit or maxproc of "
                                      "2525/inet, smtp/inet)"));
    postfix_.of_service["2525/inet"] = {
        {"smtpd_recipient_restrictions", "permit_mynetworks, reject"},
        {"smtpd_end_of_data_restrictions", ""}};
    EXPECT_EQ(Warnings(), "") << "nothing is asked there";
}

TEST_F(ServiceReachTest, AConnectionForEachWayOfAsking) {
    options_["max_connections"] = "200";
    postfix_.values["default_process_limit"] = "110";
    EXPECT_EQ(Warnings(), "");
    postfix_.values["smtpd_end_of_data_restrictions"] =
        "check_policy_service { unix:policyd/policyd.sock, timeout=10s }";
    EXPECT_THAT(Warnings(), HasSubstr("Postfix may open 220"));
}

TEST_F(ServiceReachTest, ProcessesWithoutALimit) {
    postfix_.smtpd["smtp/inet"].process_limit = "0";
    EXPECT_EQ(Warnings(),
              "warning: policyd.toml: max_connections is 10000, but smtp/inet has no limit of "
              "processes in master.cf: set its maxproc\n");
}

}  // namespace
}  // namespace policyd::ctl
