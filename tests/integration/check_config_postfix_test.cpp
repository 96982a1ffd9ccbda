// What policyctl check-config says of a Postfix.

#include "tests/integration/policyctl_fixture.hpp"

namespace policyd {
namespace {

using CheckConfigPostfixTest = PolicyctlTest;

const std::string kMainCf =
    "compatibility_level = 3.6\n"
    "myhostname = localhost.localdomain\n"
    "mydestination = localhost\n"
    "append_dot_mydomain = yes\n"
    "virtual_alias_domains =\n";

TEST_F(CheckConfigPostfixTest, AgreesWithAPostfixThatSaysTheSame) {
    scratch_.Write("postfix/master.cf", "");
    scratch_.Write("postfix/main.cf",
                   kMainCf + "virtual_alias_maps = proxy:" + Sqlite("forwardings") + ", " +
                       Sqlite("users") + "\nvirtual_mailbox_domains = " + Sqlite("domains") +
                       "\nvirtual_mailbox_maps = " + Sqlite("users") +
                       "\nvirtual_mailbox_base = /home/vmail\n"
                       "smtpd_recipient_restrictions = reject_unauth_destination,\n"
                       "  check_policy_service { unix:" +
                       Path("policy.sock") +
                       ", timeout=10s }\n"
                       "smtpd_end_of_data_restrictions =\n"
                       "  check_policy_service { unix:" +
                       Path("policy.sock") + ", timeout=10s }\n");
    scratch_.Write("policyd.toml",
                   "myhostname = \"localhost.localdomain\"\n"
                   "mydestination = \"localhost\"\n" +
                       Configuration());
    const auto same = WithConfig({"check-config", "--postfix", Path("postfix")});
    EXPECT_EQ(same.output, "0 errors, 0 back ends unreachable, 0 warnings\n");
    EXPECT_EQ(same.status, 0);
}

// As docs/recipients.md has it.
TEST_F(CheckConfigPostfixTest, AgreesWithAFrontEndThatSaysTheSame) {
    scratch_.Write("postfix/master.cf", "");
    scratch_.Write("postfix/main.cf",
                   kMainCf + "virtual_alias_maps = " + Sqlite("forwardings") + ", " +
                       Sqlite("users") + "\nrelay_domains = " + Sqlite("domains") +
                       "\nrelay_recipient_maps = " + Sqlite("users") +
                       "\nrelay_transport = relay:[192.0.2.1]\n"
                       "smtpd_recipient_restrictions = reject_unauth_destination,\n"
                       "  check_policy_service unix:" +
                       Path("policy.sock") +
                       "\nsmtpd_end_of_data_restrictions = check_policy_service unix:" +
                       Path("policy.sock") + "\n");
    scratch_.Write("policyd.toml",
                   "listen = \"unix:" + Path("policy.sock") +
                       "\"\nmyhostname = \"localhost.localdomain\"\n"
                       "mydestination = \"localhost\"\n"
                       "virtual_alias_maps = [\"" +
                       Sqlite("forwardings") + "\", \"" + Sqlite("users") +
                       "\"]\nrelay_domains = \"" + Sqlite("domains") +
                       "\"\nrelay_recipient_maps = \"" + Sqlite("users") +
                       "\"\nrelay_transport = \"relay:[192.0.2.1]\"\n"
                       "mailbox_transports = [\"virtual\", \"relay\"]\n"
                       "virtual_mailbox_maps = \"" +
                       Sqlite("users") + "\"\nvirtual_mailbox_limit_maps = \"" + Sqlite("quotas") +
                       "\"\nusage_store = \"sqlite:" + Path("usage.sqlite") + "\"\n");
    EXPECT_EQ(WithConfig({"check-config", "--postfix", Path("postfix")}).output,
              "0 errors, 0 back ends unreachable, 0 warnings\n");
}

TEST_F(CheckConfigPostfixTest, TellsWhichServiceMayTakeMailBackFromAFilter) {
    const std::string ask = "check_policy_service unix:" + Path("policy.sock");
    scratch_.Write("postfix/main.cf",
                   "compatibility_level = 3.6\n"
                   "content_filter = scan:[127.0.0.1]:10024\n"
                   "smtpd_recipient_restrictions = " +
                       ask + "\nsmtpd_end_of_data_restrictions = " + ask + "\n");
    const auto warns_of = [&](const std::string& service, const std::string& options) {
        scratch_.Write("postfix/master.cf", "smtp inet n - n - - smtpd\n" + service +
                                                " inet n - n - - smtpd\n" + options);
        const auto checked = WithConfig({"check-config", "--postfix", Path("postfix")});
        return checked.output.find("master.cf: " + service + "/inet: goes by main.cf") !=
               std::string::npos;
    };
    const std::string local =
        " -o smtpd_recipient_restrictions=permit_mynetworks,reject\n"
        " -o smtpd_end_of_data_restrictions=\n";
    for (const char* service : {"127.0.0.1:10025", "localhost:10025", "[::1]:10025", "10025"})
        EXPECT_TRUE(warns_of(service, local)) << service;
    EXPECT_FALSE(warns_of("127.0.0.1:10025", local + " -o content_filter=\n"));
    EXPECT_TRUE(warns_of("localhost:10025",
                         " -o { smtpd_relay_restrictions = permit_mynetworks, reject }\n"
                         " -o smtpd_end_of_data_restrictions=\n"));
    EXPECT_FALSE(warns_of("127.0.0.1:10587", " -o { smtpd_recipient_restrictions = " + ask +
                                                 ", permit_mynetworks, reject }\n"));
    EXPECT_FALSE(
        warns_of("10587", " -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n"));
}

// As README.md, conf/, Debian and the filter documents of Postfix have them.
TEST_F(CheckConfigPostfixTest, SaysNothingOfListenersThatTakeNothingFromOutside) {
    const std::string ask = "check_policy_service unix:" + Path("policy.sock");
    scratch_.Write("postfix/main.cf", "compatibility_level = 3.6\nsmtpd_recipient_restrictions = " +
                                          ask + "\nsmtpd_end_of_data_restrictions = " + ask + '\n');
    const auto output_for = [&](const std::string& services) {
        scratch_.Write("postfix/master.cf", services);
        return WithConfig({"check-config", "--postfix", Path("postfix")}).output;
    };
    const std::string smtp = "smtp inet n - n - - smtpd\n";
    const std::string lacks = "does not ask the policy service: add";
    const std::string set_ups[] = {
        smtp, "smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n",
        smtp +
            "localhost:10026 inet n - n - 10 smtpd\n -o content_filter=\n"
            " -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks\n"
            " -o smtpd_helo_restrictions=\n -o smtpd_client_restrictions=\n"
            " -o smtpd_sender_restrictions=\n -o smtpd_relay_restrictions=\n"
            " -o smtpd_recipient_restrictions=permit_mynetworks,reject\n"
            " -o mynetworks=127.0.0.0/8\n -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n",
        "smtp inet n - n - 20 smtpd\n -o smtpd_proxy_filter=127.0.0.1:10025\n"
        " -o smtpd_client_connection_count_limit=10\n -o smtpd_proxy_options=speed_adjust\n"
        "127.0.0.1:10026 inet n - n - - smtpd\n"
        " -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n -o smtpd_client_restrictions=\n"
        " -o smtpd_helo_restrictions=\n -o smtpd_sender_restrictions=\n"
        " -o smtpd_relay_restrictions=\n"
        " -o smtpd_recipient_restrictions=permit_mynetworks,reject\n"
        " -o smtpd_data_restrictions=\n -o mynetworks=127.0.0.0/8\n"
        " -o receive_override_options=no_unknown_recipient_checks\n"};
    for (const std::string& services : set_ups)
        EXPECT_THAT(output_for(services), AllOf(Not(HasSubstr(lacks)), Not(HasSubstr("no, but")),
                                                Not(HasSubstr("checks, but"))))
            << services;
    EXPECT_THAT(
        output_for(smtp + "192.0.2.2:2525 inet n - n - - smtpd\n"
                          " -o smtpd_recipient_restrictions=\n"),
        HasSubstr("master.cf: 192.0.2.2:2525/inet: -o smtpd_recipient_restrictions: " + lacks));
}

TEST_F(CheckConfigPostfixTest, TellsOfTablesByWhichPostfixDeliversAndPolicydRefuses) {
    scratch_.Write("postfix/master.cf", "");
    scratch_.Write("postfix/main.cf",
                   "compatibility_level = 3.6\nvirtual_alias_maps = " + Sqlite("forwardings") +
                       ", " + Sqlite("users") + ", ldap:/etc/postfix/x\n");
    const auto checked = WithConfig({"check-config", "--postfix", Path("postfix")});
    EXPECT_EQ(checked.status, 78);
    EXPECT_THAT(checked.output,
                AllOf(HasSubstr("error: " + Path("policyd.toml") +
                                ":7: virtual_alias_maps: main.cf has [\"ldap:/etc/postfix/x\"]"),
                      HasSubstr("is refused for good")));
}

TEST_F(CheckConfigPostfixTest, FollowsPostfixIntoItsChroot) {
    const auto warnings = [&](const std::string& chroot, const std::string& level) {
        const std::string ask = "check_policy_service unix:" + Path("policy.sock");
        scratch_.Write("postfix/master.cf", "smtp inet n - " + chroot + " - - smtpd -v\n" +
                                                "other unix n - y - - smtpd_proxy\n");
        scratch_.Write("postfix/main.cf", "compatibility_level = " + level +
                                              "\nsmtpd_recipient_restrictions = " + ask +
                                              "\nsmtpd_end_of_data_restrictions = " + ask + "\n");
        return WithConfig({"check-config", "--postfix", Path("postfix")}).output;
    };
    const auto warns = HasSubstr(
        "master.cf: smtp/inet: runs in a chroot, so unix:" + Path("policy.sock") +
        " is /var/spool/postfix" + Path("policy.sock") + ", where policyd does not listen");
    EXPECT_THAT(warnings("y", "3.6"), warns);
    EXPECT_THAT(warnings("n", "0"), Not(warns));
    EXPECT_THAT(warnings("-", "0"), warns);
    EXPECT_THAT(warnings("-", "1"), Not(warns));
    EXPECT_THAT(warnings("-", "3.6"), Not(warns));
}

TEST_F(CheckConfigPostfixTest, TellsThatClientsCanKeepThePortShutForAMinute) {
    const std::string ask = "check_policy_service unix:" + Path("policy.sock");
    scratch_.Write("postfix/master.cf", "smtp inet n - n - - smtpd\n");
    const auto warnings = [&](const std::string& parameter) {
        scratch_.Write("postfix/main.cf",
                       "compatibility_level = 3.6\nsmtpd_recipient_restrictions = " + ask +
                           "\nsmtpd_end_of_data_restrictions = " + ask + '\n' + parameter);
        return WithConfig({"check-config", "--postfix", Path("postfix")}).output;
    };
    EXPECT_THAT(warnings(""), HasSubstr("main.cf: service_throttle_time: is 60s"));
    EXPECT_THAT(warnings("service_throttle_time = 1s\n"), Not(HasSubstr("service_throttle_time")));
}

TEST_F(CheckConfigPostfixTest, TellsOfCopiesThatACleanupServiceMakes) {
    scratch_.Write("postfix/main.cf", "compatibility_level = 3.6\n");
    scratch_.Write("postfix/master.cf",
                   "copies unix n - n - 0 cleanup\n  -o always_bcc=archive@example.com\n");
    EXPECT_THAT(WithConfig({"check-config", "--postfix", Path("postfix")}).output,
                HasSubstr("master.cf: copies/unix: -o always_bcc: the mailboxes that get"));
}

TEST_F(CheckConfigPostfixTest, CountsTheConnectionsThatPostfixMayOpen) {
    const std::string ask = "check_policy_service unix:" + Path("policy.sock");
    scratch_.Write("postfix/main.cf",
                   "compatibility_level = 3.6\ndefault_process_limit = 9000\n"
                   "smtpd_recipient_restrictions = " +
                       ask + "\nsmtpd_end_of_data_restrictions = " + ask + "\n");
    const auto output_for = [&](const std::string& maxproc) {
        scratch_.Write("postfix/master.cf",
                       "smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n"
                       "2525 inet n - n - " +
                           maxproc + " smtpd\nsmtp unix - - n - - smtp\n");
        return WithConfig({"check-config", "--postfix", Path("postfix")}).output;
    };
    EXPECT_THAT(output_for("1000"), Not(HasSubstr("max_connections")));
    EXPECT_THAT(output_for("1001"),
                HasSubstr("policyd.toml: max_connections is 10000, but Postfix may open 10001 (by "
                          "default_process_limit or maxproc of 2525/inet, smtpd/pass)"));
    EXPECT_THAT(output_for("0"), HasSubstr("2525/inet has no limit of processes"));
}

TEST_F(CheckConfigPostfixTest, WarnsOfTheMistakesThatOldGuidesTeach) {
    Table("transport", "SELECT domain FROM domains WHERE domain='%s'");
    scratch_.Write("postfix/master.cf", "");
    scratch_.Write("postfix/main.cf",
                   "compatibility_level = 3.6\n"
                   "virtual_alias_maps = " +
                       Sqlite("users") + ", " + Sqlite("forwardings") +
                       "\ntransport_maps = proxy:" + Sqlite("transport") +
                       "\nvirtual_mailbox_limit_maps = proxy:" + Sqlite("quotas") +
                       "\nsmtpd_client_restrictions = hash:/etc/postfix/access, reject\n"
                       "unknown_virtual_mailbox_reject_code = 450\n"
                       "swap_bangpath = no\n");
    scratch_.Write("policyd.toml", "transport_maps = \"" + Sqlite("transport") + "\"\n" +
                                       "virtual_alias_maps = \"" + Sqlite("forwardings") + "\"\n" +
                                       "usage_store = \"sqlite:" + Path("usage.sqlite") + "\"\n");
    const auto checked = WithConfig({"check-config", "--postfix", Path("postfix")});
    EXPECT_EQ(checked.status, 0);
    EXPECT_THAT(checked.output, HasSubstr("transport.cf:2: the query answers with the key"));
    EXPECT_THAT(checked.output, HasSubstr("main.cf: virtual_mailbox_limit_maps: Postfix ignores"));
    EXPECT_THAT(checked.output, HasSubstr("takes the mail of existing users too"));
    EXPECT_THAT(checked.output, HasSubstr("asked about listed clients only"));
    EXPECT_THAT(checked.output, HasSubstr("unknown_virtual_mailbox_reject_code: is 450"));
    EXPECT_THAT(checked.output,
                HasSubstr("policyd.toml:2: virtual_alias_maps is [\"" + Sqlite("forwardings") +
                          "\"], but main.cf has another value: set "
                          "virtual_alias_maps = [\"" +
                          Sqlite("users")));
    EXPECT_THAT(checked.output, HasSubstr("policyd.toml: swap_bangpath is true, but main.cf has "
                                          "another value: set swap_bangpath = false"));
    EXPECT_THAT(checked.output, Not(HasSubstr("error:")));
}

TEST_F(CheckConfigPostfixTest, TellsOnceOfWhatPostconfWarnsOf) {
    scratch_.Write("postfix/master.cf",
                   "smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd\n"
                   "  -o syslog_name=one\nsmtps inet n - n - - smtpd\n  -o syslog_name=two\n");
    scratch_.Write("postfix/main.cf",
                   "compatibility_level = 3.6\nmyhostname = one.example\nmyhostname = localhost\n");
    const auto checked = WithConfig({"check-config", "--postfix", Path("postfix")});
    const std::string warning = "warning: " + Path("postfix") +
                                "/main.cf, line 3: overriding earlier entry: "
                                "myhostname=one.example\n";
    EXPECT_THAT(checked.output, HasSubstr(warning));
    EXPECT_EQ(checked.output.find("overriding"), checked.output.rfind("overriding"))
        << checked.output;
    EXPECT_EQ(checked.errors, "");
}

TEST_F(CheckConfigPostfixTest, ReportsAPostfixThatIsNotThere) {
    const auto checked = WithConfig({"check-config", "--postfix", Path("nowhere")});
    EXPECT_EQ(checked.status, 78);
    EXPECT_THAT(checked.output,
                HasSubstr("error: postconf failed: fatal: open " + Path("nowhere/")));
}

}  // namespace
}  // namespace policyd
