#include "policyd/ctl/unfollowed_parameters.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/support/scratch_directory.hpp"

namespace policyd::ctl {
namespace {

using testing::HasSubstr;

class UnfollowedParametersTest : public testing::Test {
protected:
    std::string Warnings() const {
        std::ostringstream out;
        Report report(out);
        WarnOfUnfollowedParameters(settings_, postfix_, report);
        return out.str();
    }

    config::Settings settings_;
    PostfixSettings postfix_{"/etc/postfix",
                             {{"allow_min_user", "no"},
                              {"empty_address_recipient", "MAILER-DAEMON"},
                              {"always_bcc", ""},
                              {"enable_original_recipient", "yes"},
                              {"masquerade_classes", "envelope_sender, header_sender"},
                              {"masquerade_domains", "example.com"},
                              {"mail_version", "3.7.11"},
                              {"resolve_dequoted_address", "Yes"},
                              {"smtpd_reject_unlisted_recipient", "yes"}},
                             {},
                             {}};
};

TEST_F(UnfollowedParametersTest, AreNotToldOfWhereTheyAreAsUsual) {
    EXPECT_EQ(Warnings(), "");
}

TEST_F(UnfollowedParametersTest, AreToldOfWhereTheyAreNot) {
    postfix_.values["allow_min_user"] = "yes";
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/main.cf: allow_min_user: is \"yes\", which is not followed "
              "here: recipients are looked for as if it were \"no\"\n");
}

TEST_F(UnfollowedParametersTest, ThatAddCopies) {
    postfix_.values["always_bcc"] = "archive@example.com";
    EXPECT_THAT(Warnings(), HasSubstr("always_bcc: the mailboxes that get these copies"));
}

TEST_F(UnfollowedParametersTest, ThatLeaveOutCopies) {
    postfix_.values["enable_original_recipient"] = "no";
    EXPECT_THAT(Warnings(), HasSubstr("each is counted until the next scan"));
}

TEST_F(UnfollowedParametersTest, ThatMasqueradeRecipients) {
    postfix_.values["masquerade_classes"] = "envelope_sender envelope_recipient";
    EXPECT_THAT(Warnings(), HasSubstr("masquerade_domains: is for envelope recipients"));
}

TEST_F(UnfollowedParametersTest, ThatACleanupServiceHasForItself) {
    postfix_.of_service["pre-cleanup/unix"] = {{"always_bcc", "archive@example.com"},
                                               {"allow_min_user", "yes"},
                                               {"enable_original_recipient", "no"},
                                               {"masquerade_classes", "envelope_recipient"}};
    EXPECT_EQ(Warnings(), "") << "cleanup(8) does not serve it";
    postfix_.cleanup = {"cleanup/unix", "pre-cleanup/unix"};
    const std::string warnings = Warnings();
    const std::string place = "warning: /etc/postfix/master.cf: pre-cleanup/unix: -o ";
    EXPECT_THAT(warnings, HasSubstr(place + "always_bcc: the mailboxes that get these copies"));
    EXPECT_THAT(warnings, HasSubstr(place + "allow_min_user: is \"yes\", which is not followed"));
    EXPECT_THAT(warnings, HasSubstr(place + "enable_original_recipient: is no, so a mailbox"));
    EXPECT_THAT(warnings, HasSubstr(place + "masquerade_classes: is for envelope recipients"));
    postfix_.of_service["pre-cleanup/unix"] = {{"always_bcc", ""}, {"masquerade_domains", ""}};
    EXPECT_EQ(Warnings(), "");
}

TEST_F(UnfollowedParametersTest, ByWhichUnlistedRecipientsAreAccepted) {
    postfix_.values["smtpd_reject_unlisted_recipient"] = "No";
    EXPECT_THAT(Warnings(), HasSubstr("policyd refuses recipients who do not exist"));
    postfix_.values["smtpd_recipient_restrictions"] = "permit_mynetworks reject_unlisted_recipient";
    EXPECT_EQ(Warnings(), "") << "they are refused all the same";
    postfix_.values.erase("smtpd_recipient_restrictions");
    settings_.checks = {"mailbox_quota"};
    EXPECT_EQ(Warnings(), "");
}

TEST_F(UnfollowedParametersTest, ByWhichAServiceAcceptsUnlistedRecipients) {
    postfix_.values["receive_override_options"] = "no_milters, no_unknown_recipient_checks";
    EXPECT_THAT(Warnings(), HasSubstr("main.cf: receive_override_options: has "
                                      "no_unknown_recipient_checks, but policyd refuses"));
    postfix_.values.erase("receive_override_options");
    postfix_.smtpd = {{"smtp/inet", {}}, {"127.0.0.1:10025/inet", {}}, {"submission/inet", {}}};
    postfix_.of_service["127.0.0.1:10025/inet"] = {
        {"receive_override_options", "no_unknown_recipient_checks"},
        {"smtpd_recipient_restrictions", "permit_mynetworks, reject"}};
    postfix_.of_service["submission/inet"] = {{"smtpd_sasl_auth_enable", "yes"},
                                              {"smtpd_reject_unlisted_recipient", "no"}};
    postfix_.values["smtpd_recipient_restrictions"] =
        "permit_sasl_authenticated, check_policy_service inet:127.0.0.1:10031";
    EXPECT_EQ(Warnings(), "") << "neither asks about them";
    postfix_.of_service["smtp/inet"] = {{"smtpd_reject_unlisted_recipient", "no"}};
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: smtp/inet: -o smtpd_reject_unlisted_recipient: is "
              "no, but policyd refuses recipients who do not exist: if they are to be accepted, "
              "have this service ask another policyd, without recipient in its checks\n");
    postfix_.of_service["smtp/inet"] = {
        {"receive_override_options", "no_unknown_recipient_checks"}};
    EXPECT_THAT(Warnings(), HasSubstr("smtp/inet: -o receive_override_options: has "
                                      "no_unknown_recipient_checks, but policyd refuses"));
    settings_.unknown_recipient_action = "DUNNO";
    EXPECT_EQ(Warnings(), "");
}

TEST_F(UnfollowedParametersTest, AliasesThatACleanupServiceHasForItself) {
    settings_.virtual_alias_maps = {"inline:{a=b}"};
    postfix_.cleanup = {"cleanup/unix", "other/unix"};
    postfix_.of_service["other/unix"] = {{"virtual_alias_maps", "inline:{a=b}"}};
    EXPECT_EQ(Warnings(), "");
    postfix_.of_service["other/unix"] = {{"virtual_alias_maps", "inline:{c=d}"}};
    EXPECT_EQ(Warnings(),
              "warning: /etc/postfix/master.cf: other/unix: -o virtual_alias_maps: policyd goes by "
              "the value that it has for all services, [\"inline:{a=b}\"]\n");
    postfix_.of_service["other/unix"] = {{"virtual_alias_maps", ""},
                                         {"recipient_canonical_maps", "inline:{a=b}"}};
    EXPECT_THAT(Warnings(), HasSubstr("other/unix: -o virtual_alias_maps: policyd goes by"));
    EXPECT_THAT(Warnings(), HasSubstr("other/unix: -o recipient_canonical_maps: policyd goes by"));
    postfix_.of_service["other/unix"].erase("recipient_canonical_maps");
    postfix_.values["content_filter"] = "scan:[127.0.0.1]:10024";
    EXPECT_EQ(Warnings(), "") << "they are expanded behind the filter";
}

TEST_F(UnfollowedParametersTest, ACharsetThatOnlyANewerPostfixKnows) {
    const test::ScratchDirectory scratch;
    const auto use = [&](const std::string& charset) {
        settings_.virtual_alias_maps = {
            "proxy:mysql:" + scratch.Write("x.cf", "charset = " + charset + "\n").string()};
    };
    use("latin1");
    EXPECT_THAT(Warnings(), HasSubstr("x.cf: charset is latin1, which Postfix 3.7.11"));
    use("utf8mb4");
    EXPECT_EQ(Warnings(), "");
    use("latin1");
    for (const char* version : {"3.9.0", "3.10.1", "4.0"}) {
        postfix_.values["mail_version"] = version;
        EXPECT_EQ(Warnings(), "") << version;
    }
}

}  // namespace
}  // namespace policyd::ctl
