#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/support/mariadb_server.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd {
namespace {

using testing::HasSubstr;
using testing::Not;

test::Finished Ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), test::ProgramPath("policyctl"));
    return test::Run(std::move(arguments));
}

/// A directory in SQLite, tables that read it, and a configuration that uses them.
class PolicyctlTest : public testing::Test {
protected:
    PolicyctlTest() {
        const auto created = test::Run({"sqlite3", Path("directory.sqlite")},
                                       "CREATE TABLE domains (domain TEXT PRIMARY KEY);"
                                       "CREATE TABLE users (email TEXT PRIMARY KEY, quota INTEGER);"
                                       "CREATE TABLE forwardings (source TEXT, destination TEXT);"
                                       "INSERT INTO domains VALUES ('example.com');"
                                       "INSERT INTO users VALUES ('ann@example.com', 1000);"
                                       "INSERT INTO forwardings VALUES"
                                       " ('info@example.com', 'ann@example.com'),"
                                       " ('all@example.com', 'ann@example.com, bob@example.com, "
                                       "ann@elsewhere.example'),"
                                       " ('empty@example.com', ',');");
        EXPECT_EQ(created.status, 0) << created.errors;
        Table("domains", "SELECT domain FROM domains WHERE domain='%s'");
        Table("users", "SELECT email FROM users WHERE email='%s'");
        Table("quotas", "SELECT quota FROM users WHERE email='%s'");
        Table("forwardings", "SELECT destination FROM forwardings WHERE source='%s'");
        scratch_.Write("policyd.toml", Configuration());
    }

    std::string Path(const std::string& name) const { return scratch_ / name; }

    void Table(const std::string& name, const std::string& query) const {
        scratch_.Write(name + ".cf",
                       "dbpath = " + Path("directory.sqlite") + "\nquery = " + query + "\n");
    }

    std::string Sqlite(const std::string& name) const { return "sqlite:" + Path(name + ".cf"); }

    std::string Configuration() const {
        return "listen = [\"unix:" + Path("policy.sock") + "\"]\n" +
               "client_access_maps = \"inline:{192.0.2.1=OK}\"\n"
               "client_access_default = \"554 5.7.1 Not on the list\"\n"
               "virtual_mailbox_domains = \"" +
               Sqlite("domains") + "\"\n" + "virtual_mailbox_maps = \"" + Sqlite("users") + "\"\n" +
               "virtual_mailbox_limit_maps = \"" + Sqlite("quotas") + "\"\n" +
               "virtual_alias_maps = [\"" + Sqlite("forwardings") + "\", \"" + Sqlite("users") +
               "\"]\n" + "usage_store = \"sqlite:" + Path("usage.sqlite") +
               "\"\ndelivery_overhead = 0\n";
    }

    test::Finished WithConfig(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin() + 1, {"--config", Path("policyd.toml")});
        return Ctl(std::move(arguments));
    }

    const test::ScratchDirectory scratch_;
};

TEST_F(PolicyctlTest, LookupAnswersAndEndsAsPostmapDoes) {
    for (const char* key : {"ann@example.com", "Ann@Example.COM", "nobody@example.com", "@", "'"}) {
        const auto ours = Ctl({"lookup", "proxy:" + Sqlite("quotas"), key});
        const auto theirs = test::Run({"postmap", "-q", key, Sqlite("quotas")});
        EXPECT_EQ(ours.output, theirs.output) << key;
        EXPECT_EQ(ours.status, theirs.status) << key << ours.errors << theirs.errors;
    }
}

TEST_F(PolicyctlTest, LookupTellsWhatIsBrokenFromWhatIsMissing) {
    Table("broken", "SELECT nothing FROM nowhere WHERE x='%s'");
    EXPECT_EQ(Ctl({"lookup", Sqlite("broken"), "a"}).status, 75);
    EXPECT_EQ(Ctl({"lookup", Sqlite("absent"), "a"}).status, 78);
}

TEST_F(PolicyctlTest, AsksARunningServerWhatPostfixWouldAsk) {
    test::Process server({test::ProgramPath("policyd"), "--config", Path("policyd.toml")},
                         {.output = Path("policyd.log")});
    test::WaitUntil(
        "policyd to listen", [&] { return test::CanConnect(scratch_ / "policy.sock"); },
        Path("policyd.log"));
    const auto ask = [&](const std::string& client, const std::string& recipient,
                         const std::string& size) {
        const auto asked = WithConfig(
            {"ask", "--client-address", client, "--recipient", recipient, "--size", size});
        EXPECT_EQ(asked.status, 0) << asked.errors;
        return asked.output;
    };
    EXPECT_EQ(ask("192.0.2.1", "ann@example.com", "1000"), "DUNNO\n");
    EXPECT_EQ(ask("192.0.2.1", "info@example.com", "1001"), "552 5.2.2 Mailbox is full\n");
    EXPECT_EQ(ask("192.0.2.1", "bob@example.com", "1"), "550 5.1.1 User unknown\n");
    EXPECT_EQ(ask("192.0.2.2", "ann@example.com", "1"), "554 5.7.1 Not on the list\n");
    EXPECT_EQ(ask("192.0.2.1", "bob@elsewhere.example", "1"), "DUNNO\n");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0) << test::ReadFile(scratch_ / "policyd.log");
    EXPECT_EQ(WithConfig({"ask"}).status, 69);
}

TEST_F(PolicyctlTest, AskRefusesWhatItCannotSend) {
    const std::vector<std::vector<std::string>> mistakes = {{"--size", "abc"},
                                                            {"--recipient-count", "-1"},
                                                            {"--time-limit", "0"},
                                                            {"--time-limit", "soon"},
                                                            {"--server", "nowhere"}};
    for (const auto& mistake : mistakes) {
        const auto asked = WithConfig({"ask", mistake[0], mistake[1]});
        EXPECT_EQ(asked.status, 64) << mistake[1];
        EXPECT_THAT(asked.errors, HasSubstr("expected")) << mistake[1];
    }
    EXPECT_EQ(Ctl({"ask", "--config", Path("absent.toml")}).status, 78);
}

TEST_F(PolicyctlTest, WhatCannotBeWrittenIsNoSuccess) {
    const auto lost =
        test::Run({"sh", "-c", test::ProgramPath("policyctl") + " config sample >/dev/full"});
    EXPECT_EQ(lost.status, 70);
    EXPECT_THAT(lost.errors, HasSubstr("standard output"));
}

TEST_F(PolicyctlTest, ResolveExplainsTheWayOfAnAddress) {
    const auto known = WithConfig({"resolve", "Info@example.com"});
    EXPECT_EQ(known.status, 0) << known.errors;
    EXPECT_EQ(known.output,
              "Info@example.com: known\n"
              "  mailbox ann@example.com: limit 1000 bytes, nothing known of its usage\n");
    EXPECT_EQ(WithConfig({"resolve", "bob@example.com"}).status, 1);
    EXPECT_EQ(WithConfig({"resolve", "bob@elsewhere.example"}).status, 1);
}

TEST_F(PolicyctlTest, ResolveTellsWhatBecomesOfRecipientsWithoutAMailbox) {
    EXPECT_EQ(WithConfig({"resolve", "all@example.com"}).output,
              "all@example.com: known\n"
              "  mailbox ann@example.com: limit 1000 bytes, nothing known of its usage\n"
              "  bob@example.com: bounces: there is no such mailbox\n"
              "  ann@elsewhere.example: goes by smtp:elsewhere.example, and has no quota here\n");
    EXPECT_THAT(WithConfig({"resolve", "empty@example.com"}).output,
                HasSubstr("Postfix refuses the message after its data, now and later"));
}

TEST_F(PolicyctlTest, ResolveTellsThatARelayHasRecipientsWhoseMailboxesNobodyKnowsHere) {
    const std::string front_end =
        "mydestination = []\nrelay_domains = \"example.com\"\n"
        "relay_transport = \"relay:[192.0.2.1]:24\"\n"
        "mailbox_transports = [\"virtual\", \"relay\"]\n"
        "usage_store = \"sqlite:" +
        Path("usage.sqlite") + "\"\n";
    const auto resolved = [&](const std::string& more) {
        scratch_.Write("policyd.toml", front_end + more);
        return WithConfig({"resolve", "bob@example.com"}).output;
    };
    EXPECT_EQ(resolved(""),
              "bob@example.com: known\n"
              "  bob@example.com: goes by relay:[192.0.2.1]:24, and has no quota here\n");
    EXPECT_EQ(resolved("virtual_mailbox_maps = \"" + Sqlite("users") + "\"\n"),
              "bob@example.com: known\n"
              "  bob@example.com: bounces: there is no such mailbox\n");
}

TEST_F(PolicyctlTest, ResolveTellsEveryLimit) {
    scratch_.Write("policyd.toml",
                   Configuration() +
                       "virtual_mailbox_message_limit_maps = \"inline:{ann@example.com=5}\"\n"
                       "virtual_domain_limit_maps = \"inline:{example.com=2000}\"\n");
    EXPECT_EQ(WithConfig({"resolve", "ann@example.com"}).output,
              "ann@example.com: known\n"
              "  mailbox ann@example.com: limit 1000 bytes and 5 messages, nothing known of its "
              "usage\n"
              "  all mailboxes of example.com: limit 2000 bytes, nothing known of their usage\n");
}

TEST_F(PolicyctlTest, UsageShowsWhatAScanHasMeasured) {
    scratch_.Write("vmail/example.com/ann/new/1.host,S=300", std::string(300, 'x'));
    std::filesystem::create_directories(scratch_ / "vmail/example.com/ann/cur");
    scratch_.Write("policyd.toml", Configuration() + "virtual_mailbox_base = \"" + Path("vmail") +
                                       "\"\nscan_state_file = \"" + Path("scan.state") + "\"\n");
    const auto scanned =
        test::Run({test::ProgramPath("policyd-scan"), "--config", Path("policyd.toml"), "--once"});
    ASSERT_EQ(scanned.status, 0) << scanned.errors;

    const auto all = WithConfig({"usage", "--all"});
    EXPECT_EQ(all.status, 0) << all.errors;
    EXPECT_THAT(all.output, HasSubstr("\nann@example.com\t300\t1\t0\t0\t20"));
    EXPECT_EQ(WithConfig({"usage", "nobody@example.com"}).status, 1);
    EXPECT_THAT(WithConfig({"resolve", "ann@example.com"}).output,
                HasSubstr("limit 1000 bytes, 300 bytes in 1 messages (30%"));
}

TEST_F(PolicyctlTest, CheckConfigAsksTheRedisOfDovecotsFigures) {
    const auto check = [this](const std::string& more) {
        scratch_.Write("policyd.toml", Configuration() + "usage_source = \"both\"\n" + more);
        return WithConfig({"check-config"});
    };
    const auto missing = check("");
    EXPECT_EQ(missing.status, 78);
    EXPECT_THAT(missing.output + missing.errors, HasSubstr("usage_source = \"both\" needs it"));
    const auto away = check("dovecot_quota_clone = \"redis:unix:" + Path("none.sock") + "\"\n");
    EXPECT_EQ(away.status, 75);
    EXPECT_THAT(away.output + away.errors, HasSubstr("dovecot_quota_clone: redis:unix:"));
    const test::RedisServer redis;
    EXPECT_EQ(
        check("dovecot_quota_clone = \"redis:" + redis.UnixEndpoint().ToText() + "\"\n").status, 0);
}

TEST_F(PolicyctlTest, CheckConfigWarnsOfARedisThatDropsFigures) {
    test::RedisServer redis;
    const auto check = [&] {
        scratch_.Write("redis.toml",
                       "usage_store = \"redis:" + redis.UnixEndpoint().ToText() + "\"\n");
        return Ctl({"check-config", "--config", Path("redis.toml")}).output;
    };
    redis.Command({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
    EXPECT_THAT(check(), Not(HasSubstr("maxmemory-policy"))) << "there is no maxmemory";
    redis.Command({"CONFIG", "SET", "maxmemory", "100mb"});
    EXPECT_THAT(check(), HasSubstr("usage_store: Redis has maxmemory-policy allkeys-lru: "));
    redis.Command({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"});
    EXPECT_THAT(check(), Not(HasSubstr("maxmemory-policy")));
}

TEST_F(PolicyctlTest, CheckConfigIsSilentAboutWhatTheDocumentedRedisUserMayNotAsk) {
    const test::RedisServer redis;
    redis.Command(
        {"ACL",   "SETUSER", "policyd",  "on",    ">secret", "resetchannels", "~policyd:*",
         "-@all", "+role",   "+time",    "+scan", "+eval",   "+evalsha",      "+script|load",
         "+get",  "+set",    "+del",     "+hget", "+hmget",  "+hgetall",      "+hlen",
         "+hset", "+hdel",   "+pexpire", "+zadd", "+zrem",   "+zrange",       "+zrangebyscore",
         "+sadd", "+srem",   "+spop"});
    scratch_.Write("password", "secret\n");
    ASSERT_EQ(chmod(Path("password").c_str(), 0600), 0);
    scratch_.Write("policyd.toml", "usage_store = \"redis:" + redis.UnixEndpoint().ToText() +
                                       "\"\nredis_user = \"policyd\"\nredis_password_file = \"" +
                                       Path("password") + "\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 0);
    EXPECT_EQ(checked.output, "0 errors, 0 back ends unreachable, 0 warnings\n");
    EXPECT_EQ(checked.errors, "");
}

TEST_F(PolicyctlTest, CheckConfigTellsOnceOfAServerThatCannotBeReached) {
    scratch_.Write("mysql.cf", "hosts = unix:" + Path("none.sock") +
                                   "\nuser = root\ndbname = mail\nquery = SELECT '%s'\n");
    scratch_.Write("policyd.toml", "virtual_alias_maps = \"mysql:" + Path("mysql.cf") +
                                       "\"\nusage_store = \"sqlite:" + Path("usage.sqlite") +
                                       "\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 75);
    EXPECT_THAT(checked.output, HasSubstr("unreachable: " + Path("policyd.toml") +
                                          ":1: virtual_alias_maps: mysql:" + Path("mysql.cf")));
    EXPECT_THAT(checked.output, HasSubstr("0 errors, 1 back end unreachable, 0 warnings\n"));
    EXPECT_EQ(checked.errors, "");
}

TEST_F(PolicyctlTest, CheckConfigFindsTheOneOfSeveralServersThatCannotBeReached) {
    const test::MariaDbServer server;
    scratch_.Write("mysql.cf", "hosts = unix:" + Path("none.sock") + ' ' + server.Hosts() +
                                   "\nuser = root\ndbname = mysql\nquery = SELECT '%s'\n");
    scratch_.Write("policyd.toml", "virtual_alias_maps = \"mysql:" + Path("mysql.cf") +
                                       "\"\ntransport_maps = \"mysql:" + Path("mysql.cf") +
                                       "\"\nusage_store = \"sqlite:" + Path("usage.sqlite") +
                                       "\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 75);
    EXPECT_THAT(checked.output, HasSubstr("unreachable: " + Path("policyd.toml") +
                                          ":1: virtual_alias_maps: mysql:" + Path("mysql.cf") +
                                          ": mysql: unix:" + Path("none.sock") + ": "));
    EXPECT_THAT(checked.output, HasSubstr("0 errors, 1 back end unreachable, 0 warnings\n"));
}

TEST_F(PolicyctlTest, CheckConfigFindsWhatIsBrokenWhereItStands) {
    EXPECT_EQ(WithConfig({"check-config"}).status, 0);
    Table("quotas", "SELECT nothing FROM nowhere WHERE x='%s'");
    const auto broken = WithConfig({"check-config"});
    EXPECT_EQ(broken.status, 78);
    EXPECT_THAT(broken.output,
                HasSubstr("error: " + Path("policyd.toml") + ":6: virtual_mailbox_limit_maps: "));
}

TEST_F(PolicyctlTest, CheckConfigCallsATextFileThatCannotBeAnsweredFromAMistake) {
    scratch_.Write("users", "joe@example.com x\nJOE@example.com y\n");
    scratch_.Write("policyd.toml", "virtual_mailbox_maps = \"texthash:" + Path("users") + "\"\n" +
                                       "usage_store = \"sqlite:" + Path("usage.sqlite") + "\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 78);
    EXPECT_THAT(checked.output, HasSubstr("error: " + Path("policyd.toml") +
                                          ":1: virtual_mailbox_maps: texthash:" + Path("users") +
                                          ": " + Path("users") + ":2: "));
}

TEST_F(PolicyctlTest, CheckConfigAgreesWithAPostfixThatSaysTheSame) {
    scratch_.Write("postfix/master.cf", "");
    scratch_.Write("postfix/main.cf",
                   "compatibility_level = 3.6\n"
                   "myhostname = localhost.localdomain\n"
                   "mydestination = localhost\n"
                   "append_dot_mydomain = yes\n"
                   "virtual_alias_domains =\n"
                   "virtual_alias_maps = proxy:" +
                       Sqlite("forwardings") + ", " + Sqlite("users") +
                       "\nvirtual_mailbox_domains = " + Sqlite("domains") +
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
TEST_F(PolicyctlTest, CheckConfigAgreesWithAFrontEndThatSaysTheSame) {
    scratch_.Write("postfix/master.cf", "");
    scratch_.Write("postfix/main.cf",
                   "compatibility_level = 3.6\n"
                   "myhostname = localhost.localdomain\n"
                   "mydestination = localhost\n"
                   "append_dot_mydomain = yes\n"
                   "virtual_alias_domains =\n"
                   "virtual_alias_maps = " +
                       Sqlite("forwardings") + ", " + Sqlite("users") + "\nrelay_domains = " +
                       Sqlite("domains") + "\nrelay_recipient_maps = " + Sqlite("users") +
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

TEST_F(PolicyctlTest, CheckConfigTellsWhichServiceMayTakeMailBackFromAFilter) {
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

TEST_F(PolicyctlTest, CheckConfigFollowsPostfixIntoItsChroot) {
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

TEST_F(PolicyctlTest, CheckConfigCountsTheConnectionsThatPostfixMayOpen) {
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

TEST_F(PolicyctlTest, CheckConfigWarnsOfTheMistakesThatOldGuidesTeach) {
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

TEST_F(PolicyctlTest, CheckConfigWarnsOfQuotaColumnsThatEndAtTwoGigabytesOrHoldNoLimits) {
    test::MariaDbServer server;
    server.Execute(
        "CREATE DATABASE mail; USE mail;"
        "CREATE TABLE users (email VARCHAR(255) PRIMARY KEY, quota int(10) NOT NULL DEFAULT 0,"
        " large BIGINT UNSIGNED NOT NULL DEFAULT 0, odd BIGINT);"
        "INSERT INTO users VALUES ('a@b', 1, 1, -1), ('b@b', 1, 1, NULL), ('c@b', 1, 1, 7)");
    const auto output_for = [&](const std::string& column,
                                const std::string& condition = "email='%s'") {
        scratch_.Write("mysql.cf", "hosts = " + server.Hosts() +
                                       "\nuser = root\ndbname = mail\nquery = SELECT " + column +
                                       " FROM users WHERE " + condition + "\n");
        scratch_.Write("policyd.toml",
                       "virtual_mailbox_limit_maps = \"proxy:mysql:" + Path("mysql.cf") +
                           "\"\nusage_store = \"sqlite:" + Path("usage.sqlite") + "\"\n");
        return WithConfig({"check-config"}).output;
    };
    EXPECT_THAT(output_for("quota"),
                HasSubstr("mysql.cf:4: the column users.quota is int(10), so no limit can exceed "
                          "2147483647 bytes (2 GiB - 1): make it BIGINT UNSIGNED"));
    EXPECT_THAT(output_for("large"), HasSubstr("0 warnings"));
    EXPECT_THAT(output_for("odd"),
                HasSubstr("mysql.cf:4: odd is in 1 row no whole number of 0 or more: mail for such "
                          "a mailbox is deferred"));
    EXPECT_THAT(output_for("IF(odd > 0, odd, 0)"), HasSubstr("0 warnings"));
    EXPECT_THAT(output_for("odd * 1024"), HasSubstr("mysql.cf:4: odd * 1024 is in 1 row no whole"));
    EXPECT_THAT(output_for("large / 1"), HasSubstr("large / 1 is in 3 rows no whole"));
    // No table of numbers alone: 0.00 is none, and no limit is that large.
    EXPECT_THAT(output_for("CAST(large - 1 AS DECIMAL(20,2))"), HasSubstr("is in 3 rows no whole"));
    EXPECT_THAT(output_for("large * 18446744073709551616"), HasSubstr("is in 3 rows no whole"));
    EXPECT_THAT(output_for("IF(large = 1, ' ', 0)"), HasSubstr("is in 3 rows no whole"));
    EXPECT_THAT(output_for("SUM(odd)"), HasSubstr("0 warnings"));
    EXPECT_THAT(output_for("odd", "email='%s' OR email='%u'"), HasSubstr("is in 1 row no whole"));
    EXPECT_THAT(output_for("quota", "email='%s' OR email='%u'"),
                HasSubstr("mysql.cf:4: the column users.quota is int(10)"));
    EXPECT_THAT(output_for("odd", "email='%s' AND odd > 0"), HasSubstr("0 warnings"));
}

TEST_F(PolicyctlTest, CheckConfigTellsOfALimitThatIsJoinedWithOtherColumns) {
    test::MariaDbServer server;
    server.Execute(
        "CREATE DATABASE mail; USE mail;"
        "CREATE TABLE users (email VARCHAR(255) PRIMARY KEY, quota BIGINT, password TEXT);"
        "INSERT INTO users VALUES ('ann@example.com', 1000, 'secret')");
    scratch_.Write("mysql.cf", "hosts = " + server.Hosts() +
                                   "\nuser = root\ndbname = mail\n"
                                   "query = SELECT quota, password FROM users WHERE email='%s'\n");
    const std::string table = "mysql:" + Path("mysql.cf");
    const auto found = Ctl({"lookup", table, "ann@example.com"});
    EXPECT_EQ(found.output, "1000,secret\n");
    EXPECT_EQ(found.output, test::Run({"postmap", "-q", "ann@example.com", table}).output);
    scratch_.Write("policyd.toml", "virtual_mailbox_limit_maps = \"" + table +
                                       "\"\nusage_store = \"sqlite:" + Path("usage.sqlite") +
                                       "\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 0);
    EXPECT_THAT(checked.output,
                HasSubstr("warning: " + Path("mysql.cf") +
                          ":4: the query selects several columns, which are joined by commas"));
    EXPECT_THAT(checked.output, HasSubstr("1 warning\n"));
    scratch_.Write("mysql.cf",
                   "hosts = " + server.Hosts() +
                       "\nuser = root\ndbname = mail\n"
                       "query = SELECT quota /* bytes, not KB */ FROM users WHERE email='%s'\n");
    EXPECT_EQ(Ctl({"lookup", table, "ann@example.com"}).output, "1000\n");
    EXPECT_THAT(WithConfig({"check-config"}).output, HasSubstr("0 warnings\n"));
    // Of several columns sqlite: tables have the first.
    Table("quotas", "SELECT quota, email FROM users WHERE email='%s'");
    scratch_.Write("policyd.toml", Configuration());
    EXPECT_EQ(Ctl({"lookup", Sqlite("quotas"), "ann@example.com"}).output, "1000\n");
    EXPECT_THAT(WithConfig({"check-config"}).output, HasSubstr("0 warnings\n"));
}

TEST_F(PolicyctlTest, CheckConfigTellsOfLimitsThatAreNoneInTablesOfEveryKind) {
    test::Run({"sqlite3", Path("directory.sqlite")},
              "CREATE TABLE limits (email TEXT, quota TEXT);"
              "INSERT INTO limits VALUES ('a@example.com', '10M'), ('b@example.com', -1),"
              " ('c@example.com', NULL), ('d@example.com', 1.5), ('e@example.com', '0018'),"
              " ('f@example.com', '18446744073709551615'),"
              " ('g@example.com', '18446744073709551616'), ('h@example.com', ' ');");
    Table("quotas", "SELECT quota FROM limits WHERE email='%s'");
    scratch_.Write("limits", "a@example.com 10M\nb@example.com 5\nc@example.com 1 GB\n");
    scratch_.Write("policyd.toml", Configuration() +
                                       "virtual_domain_limit_maps = \"texthash:" + Path("limits") +
                                       "\"\nvirtual_domain_message_limit_maps = "
                                       "\"inline:{example.com=many}\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 0);
    EXPECT_THAT(checked.output, HasSubstr("quotas.cf:2: quota is in 5 rows no whole number"));
    EXPECT_THAT(checked.output,
                HasSubstr("limits: \"1 GB\" is no whole number of 0 or more (nor are 1 others)"));
    EXPECT_THAT(checked.output, HasSubstr("\"many\" is no whole number of 0 or more: mail for"));
    EXPECT_THAT(checked.output, HasSubstr("3 warnings"));
}

TEST_F(PolicyctlTest, AsksMysqlAtLocalhostOverTheSocketAsPostfixDoes) {
    const test::MariaDbServer server;
    scratch_.Write("my.cnf", "[client]\nsocket = " + server.Socket().string() + "\n");
    for (const char* hosts : {"localhost", "inet:localhost", ""}) {
        scratch_.Write("mysql.cf", "hosts = " + std::string(hosts) +
                                       "\noption_file = " + Path("my.cnf") +
                                       "\nuser = root\ndbname = mysql\nquery = SELECT '%s'\n");
        const auto found = Ctl({"lookup", "mysql:" + Path("mysql.cf"), "joe"});
        EXPECT_EQ(found.output, "joe\n") << hosts << found.errors;
    }
}

TEST_F(PolicyctlTest, CheckConfigFindsWhatAProgramWouldMissWhenItStarts) {
    scratch_.Write("policyd.toml", Configuration() +
                                       "user = \"no-such-user\"\n"
                                       "unix_socket_group = \"no-such-group\"\n"
                                       "log_destination = \"file:/nonexistent/policyd.log\"\n"
                                       "metrics_listen = \"unix:" +
                                       Path("policy.sock") + "\"\nusage_source = \"dovecot\"\n" +
                                       "quota_warning_command = \"/nonexistent/warn\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 78);
    for (const char* mistake :
         {": user: there is no user", ": unix_socket_group: there is no group",
          ": log_destination: there is no directory", ": metrics_listen: unix:",
          ": usage_source: \"dovecot\" needs", ": quota_warning_command: /nonexistent/warn cannot"})
        EXPECT_THAT(checked.output, HasSubstr(mistake));
}

TEST_F(PolicyctlTest, CheckConfigTellsOfASocketThatPostfixMayNotConnectTo) {
    const auto output_for = [this](const std::string& mode) {
        scratch_.Write("policyd.toml", Configuration() + "unix_socket_mode = \"" + mode + "\"\n");
        return WithConfig({"check-config"}).output;
    };
    for (const char* mode : {"0600", "0644", "755"})
        EXPECT_THAT(output_for(mode), HasSubstr(": unix_socket_mode: with " + std::string(mode) +
                                                " nobody but the owner"));
    for (const char* mode : {"0620", "0602", "666"})
        EXPECT_THAT(output_for(mode), Not(HasSubstr("unix_socket_mode")));
    const passwd* const postfix = getpwnam("postfix");
    if (geteuid() != 0 || postfix == nullptr) GTEST_SKIP() << "needs root and a user postfix";
    scratch_.Write("policy.sock", "");
    EXPECT_THAT(output_for("0600"), HasSubstr("unix_socket_mode"));
    ASSERT_EQ(chown(Path("policy.sock").c_str(), postfix->pw_uid, postfix->pw_gid), 0);
    EXPECT_THAT(output_for("0600"), Not(HasSubstr("unix_socket_mode")));
}

TEST_F(PolicyctlTest, CheckConfigTellsOfServersThatTheUnitsKeepTheDaemonsFrom) {
    const auto programs = scratch_
                              .Write("programs/systemctl",
                                     "#!/bin/sh\n"
                                     "case \"$*\" in\n"
                                     "    *IPAddressDeny*) echo '::/0 0.0.0.0/0' ;;\n"
                                     "    *IPAddressAllow*) cat " +
                                         Path("allowed") + " ;;\nesac\n")
                              .parent_path();
    ASSERT_EQ(chmod(Path("programs/systemctl").c_str(), 0755), 0);
    const auto output_for = [&](const std::string& hosts, const std::string& redis,
                                const std::string& allowed = "::1/128 127.0.0.0/8") {
        scratch_.Write("allowed", allowed + '\n');
        scratch_.Write("mysql.cf",
                       "hosts = " + hosts + "\nuser = root\ndbname = mail\nquery = SELECT '%s'\n");
        scratch_.Write("policyd.toml", "virtual_alias_maps = \"mysql:" + Path("mysql.cf") +
                                           "\"\nusage_store = \"redis:inet:" + redis +
                                           ":1\"\nmysql_time_limit = \"10ms\"\n");
        return test::Run({"env", "PATH=" + programs.string() + ":/usr/sbin:/usr/bin:/sbin:/bin",
                          test::ProgramPath("policyctl"), "check-config", "--config",
                          Path("policyd.toml")})
            .output;
    };
    const std::string far = output_for("127.0.0.1 192.0.2.1:3307", "192.0.2.2");
    EXPECT_THAT(far, HasSubstr("policyd.toml:1: virtual_alias_maps: policyd.service lets nothing "
                               "pass to 192.0.2.1"));
    EXPECT_THAT(far, HasSubstr("policyd.toml:2: usage_store: policyd.service lets nothing pass"));
    EXPECT_THAT(far, HasSubstr("usage_store: policyd-scan.service lets nothing pass to 192.0.2.2"));
    EXPECT_THAT(far, HasSubstr("3 warnings"));
    EXPECT_THAT(output_for("localhost", "127.0.0.1"), HasSubstr("0 warnings"));
    // Names of this host wherever the test runs: only the resolver knows that they are.
    EXPECT_THAT(output_for("0x7f.1", "2130706433"), HasSubstr("0 warnings"));
    EXPECT_THAT(output_for("0xc0000201", "127.0.0.1"), HasSubstr("nothing pass to 0xc0000201"));
    EXPECT_THAT(output_for("no-such-host.invalid", "127.0.0.1"), HasSubstr("0 warnings"));
    EXPECT_THAT(output_for("192.0.2.1", "192.0.2.2", "127.0.0.0/8 192.0.2.0/24"),
                HasSubstr("0 warnings"));
}

TEST_F(PolicyctlTest, CheckConfigFindsFilesOfRootsInADirectoryOfTheDaemons) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    constexpr uid_t kDaemon = 12'345;
    std::filesystem::create_directory(scratch_ / "state");
    ASSERT_EQ(chown(Path("state").c_str(), kDaemon, kDaemon), 0);
    scratch_.Write("policyd.toml",
                   Configuration() + "scan_state_file = \"" + Path("state/scan.state") + "\"\n");
    scratch_.Write("state/scan.state.lock", "");
    EXPECT_THAT(WithConfig({"check-config"}).output,
                HasSubstr("scan.state.lock belongs to root, so the daemons may not write it"));
    ASSERT_EQ(chown(Path("state/scan.state.lock").c_str(), 0, kDaemon), 0);
    EXPECT_THAT(WithConfig({"check-config"}).output, HasSubstr("belongs to root"));
    ASSERT_EQ(chmod(Path("state/scan.state.lock").c_str(), 0660), 0);
    EXPECT_THAT(WithConfig({"check-config"}).output, Not(HasSubstr("belongs to root")));
    ASSERT_EQ(chown(Path("state/scan.state.lock").c_str(), kDaemon, kDaemon), 0);
    ASSERT_EQ(chmod(Path("state/scan.state.lock").c_str(), 0600), 0);
    EXPECT_THAT(WithConfig({"check-config"}).output, Not(HasSubstr("belongs to root")));
}

TEST_F(PolicyctlTest, CheckConfigTellsOfARelayBehindWhichNobodyHasAMailbox) {
    const std::string relay = "mailbox_transports = [\"virtual\", \"relay\"]\n";
    scratch_.Write("policyd.toml", Configuration() + relay);
    EXPECT_THAT(WithConfig({"check-config"}).output, Not(HasSubstr("mailbox_transports")));
    scratch_.Write("policyd.toml",
                   "checks = [\"mailbox_quota\"]\nrelay_domains = [\"example.com\"]\n" + relay);
    EXPECT_THAT(WithConfig({"check-config"}).output,
                HasSubstr("mailbox_transports: relay is among them, but without"));
    scratch_.Write("policyd.toml",
                   "checks = [\"mailbox_quota\"]\nrelay_domains = [\"example.com\"]\n"
                   "relay_transport = \"relay:[192.0.2.1]:24\"\n" +
                       relay);
    EXPECT_THAT(WithConfig({"check-config"}).output,
                HasSubstr("mailbox_transports: relay:[192.0.2.1]:24 is among them, but without"));
}

TEST_F(PolicyctlTest, CheckConfigFindsActionsThatAreNone) {
    const std::string clients = scratch_
                                    .Write("clients.cidr",
                                           "192.0.2.1 REJCT spam\n192.0.2.2 REJECT spam\n"
                                           "192.0.2.3 reject_rbl_client bl.example\n")
                                    .string();
    scratch_.Write("policyd.toml", "client_access_maps = [\"cidr:" + clients +
                                       "\", \"inline:{{a=250 fine}}\"]\nusage_store = \"sqlite:" +
                                       Path("usage.sqlite") + "\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_THAT(checked.output, HasSubstr("policyd.toml:1: client_access_maps: cidr:" + clients +
                                          ": \"REJCT spam\" is no action of access(5)"));
    EXPECT_THAT(checked.output, HasSubstr("\"250 fine\" is no action"));
    EXPECT_THAT(checked.output, HasSubstr("2 warnings"));
}

TEST_F(PolicyctlTest, CheckConfigFindsAddressesOnWhichNothingCanListen) {
    scratch_.Write("policyd.toml",
                   "metrics_listen = \"inet:192.0.2.1:10040\"\n"
                   "listen = \"inet:no-such-host.invalid:10041\"\n"
                   "usage_store = \"sqlite:" +
                       Path("usage.sqlite") + "\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_THAT(checked.output,
                HasSubstr(": metrics_listen: 192.0.2.1 is no address of this machine"));
    EXPECT_THAT(checked.output, HasSubstr(": listen: no-such-host.invalid: "));
}

TEST_F(PolicyctlTest, CheckConfigTellsOnceOfWhatPostconfWarnsOf) {
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

TEST_F(PolicyctlTest, CheckConfigReportsAPostfixThatIsNotThere) {
    const auto checked = WithConfig({"check-config", "--postfix", Path("nowhere")});
    EXPECT_EQ(checked.status, 78);
    EXPECT_THAT(checked.output,
                HasSubstr("error: postconf failed: fatal: open " + Path("nowhere/")));
}

}  // namespace
}  // namespace policyd
