// What policyctl check-config says of tables, of servers and of this machine.

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/policyctl_fixture.hpp"
#include "tests/support/mariadb_server.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd {
namespace {

using CheckConfigTest = PolicyctlTest;

TEST_F(CheckConfigTest, AsksTheRedisOfDovecotsFigures) {
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

TEST_F(CheckConfigTest, WarnsOfARedisThatDropsFigures) {
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

/// A Redis whose user is made by the command that docs/usage-store.md gives.
class DocumentedRedisUserTest : public CheckConfigTest {
protected:
    DocumentedRedisUserTest() {
        scratch_.Write("password", "PASSWORD\n");
        EXPECT_EQ(chmod(Path("password").c_str(), 0600), 0);
        scratch_.Write("policyd.toml",
                       "usage_store = \"redis:" + redis_.UnixEndpoint().ToText() +
                           "\"\nredis_user = \"policyd\"\nredis_password_file = \"" +
                           Path("password") + "\"\n");
        std::string manual = test::ReadFile(test::SourcePath("docs/usage-store.md"));
        manual.erase(0, manual.find("    redis-cli ACL SETUSER "));
        manual.erase(manual.find("\n\n"));
        const std::string options = "redis-cli -s " + redis_.UnixEndpoint().path;
        manual.replace(manual.find("redis-cli"), 9, options);
        const test::Finished made = test::Run({"sh", "-c", manual});
        EXPECT_EQ(made.output, "OK\n") << made.errors;
    }

    std::string CheckWithout(const std::string& right) {
        redis_.Command({"ACL", "SETUSER", "policyd", "-" + right});
        const auto checked = WithConfig({"check-config"});
        redis_.Command({"ACL", "SETUSER", "policyd", "+" + right});
        EXPECT_EQ(checked.status, 78) << right;
        return checked.output;
    }

    const test::RedisServer redis_;
};

TEST_F(DocumentedRedisUserTest, IsEnoughAndNothingIsSaidOfWhatItMayNotAsk) {
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 0);
    EXPECT_EQ(checked.output, "0 errors, 0 back ends unreachable, 0 warnings\n");
    EXPECT_EQ(checked.errors, "");
    EXPECT_EQ(redis_.Command({"KEYS", "*"}), "") << "nothing was written";
}

TEST_F(DocumentedRedisUserTest, IsToldWhichRightItLacks) {
    for (const char* right :
         {"get", "set", "del", "hget", "hmget", "hgetall", "hlen", "hset", "hdel", "pexpire",
          "zadd", "zrem", "zrange", "zrangebyscore", "sadd", "srem", "spop", "scan", "time"}) {
        std::string name = right;
        for (char& letter : name) letter = static_cast<char>(std::toupper(letter));
        const std::string output = CheckWithout(right);
        EXPECT_THAT(output,
                    HasSubstr("usage_store: Redis does not let its user call " + name + "\n"));
        EXPECT_THAT(output, HasSubstr("1 error, 0 back ends unreachable, 0 warnings\n"));
    }
    for (const char* right : {"role", "eval", "evalsha", "script|load"})
        EXPECT_THAT(CheckWithout(right), HasSubstr("NOPERM")) << right;
    redis_.Command({"ACL", "SETUSER", "policyd", "resetkeys"});
    EXPECT_THAT(WithConfig({"check-config"}).output, HasSubstr("NOPERM"));
}

TEST_F(DocumentedRedisUserTest, IsToldThatItsPasswordIsWrong) {
    scratch_.Write("password", "WRONG\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 78);
    EXPECT_THAT(checked.output,
                HasSubstr("error: " + Path("policyd.toml") + ":1: usage_store: redis:"));
    EXPECT_THAT(checked.output, HasSubstr("WRONGPASS"));
    const auto usage = WithConfig({"usage", "--all"});
    EXPECT_EQ(usage.status, 78);
    EXPECT_THAT(usage.errors, HasSubstr("WRONGPASS"));
}

TEST_F(CheckConfigTest, TellsOnceOfAServerThatCannotBeReached) {
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

TEST_F(CheckConfigTest, FindsTheOneOfSeveralServersThatCannotBeReached) {
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

TEST_F(CheckConfigTest, FindsWhatIsBrokenWhereItStands) {
    EXPECT_EQ(WithConfig({"check-config"}).status, 0);
    Table("quotas", "SELECT nothing FROM nowhere WHERE x='%s'");
    const auto broken = WithConfig({"check-config"});
    EXPECT_EQ(broken.status, 78);
    EXPECT_THAT(broken.output,
                HasSubstr("error: " + Path("policyd.toml") + ":6: virtual_mailbox_limit_maps: "));
}

TEST_F(CheckConfigTest, CallsATextFileThatCannotBeAnsweredFromAMistake) {
    scratch_.Write("users", "joe@example.com x\nJOE@example.com y\n");
    scratch_.Write("policyd.toml", "virtual_mailbox_maps = \"texthash:" + Path("users") + "\"\n" +
                                       "usage_store = \"sqlite:" + Path("usage.sqlite") + "\"\n");
    const auto checked = WithConfig({"check-config"});
    EXPECT_EQ(checked.status, 78);
    EXPECT_THAT(checked.output, HasSubstr("error: " + Path("policyd.toml") +
                                          ":1: virtual_mailbox_maps: texthash:" + Path("users") +
                                          ": " + Path("users") + ":2: "));
}

TEST_F(CheckConfigTest, WarnsOfQuotaColumnsThatEndAtTwoGigabytesOrHoldNoLimits) {
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

TEST_F(CheckConfigTest, TellsOfLimitsThatTheServerCannotComputeOrNotInTime) {
    test::MariaDbServer server;
    server.Execute(
        "CREATE DATABASE mail; USE mail;"
        "CREATE TABLE users (email VARCHAR(255) PRIMARY KEY, quota BIGINT);"
        "INSERT INTO users VALUES ('a@b', -1), ('b@b', 9223372036854775807);"
        "CREATE VIEW slow AS SELECT email, quota + SLEEP(20) AS quota FROM users");
    const auto output_for = [&](const std::string& query) {
        scratch_.Write("mysql.cf", "hosts = " + server.Hosts() +
                                       "\nuser = root\ndbname = mail\nquery = " + query + "\n");
        scratch_.Write("policyd.toml", "virtual_mailbox_limit_maps = \"mysql:" + Path("mysql.cf") +
                                           "\"\nusage_store = \"sqlite:" + Path("usage.sqlite") +
                                           "\"\n");
        return WithConfig({"check-config"}).output;
    };
    EXPECT_THAT(output_for("SELECT quota * 1048576 FROM users WHERE email='%s'"),
                AllOf(HasSubstr("mysql.cf:4: quota * 1048576 cannot be computed for some row "
                                "(mysql: "),
                      HasSubstr("BIGINT value is out of range"),
                      HasSubstr("): mail for such a mailbox is deferred"), HasSubstr("1 warning")));
    EXPECT_THAT(output_for("SELECT quota FROM slow WHERE email='%s'"),
                AllOf(HasSubstr("mysql.cf:4: not all rows could be looked at within 10s"),
                      HasSubstr("1 warning")));
}

TEST_F(CheckConfigTest, TellsOfALimitThatIsJoinedWithOtherColumns) {
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

TEST_F(CheckConfigTest, TellsOfLimitsThatAreNoneInTablesOfEveryKind) {
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

TEST_F(CheckConfigTest, TellsOfADomainOfTwoClassesWhoseMailboxesNobodyReaches) {
    const auto output_for = [&](const std::string& options) {
        scratch_.Write("policyd.toml", options + Configuration());
        return WithConfig({"check-config"}).output;
    };
    EXPECT_THAT(output_for("mydestination = [\"localhost\", \"example.com\"]\n"),
                AllOf(HasSubstr("policyd.toml:1: mydestination: example.com is in "
                                "virtual_mailbox_domains as well, and counts as one of these"),
                      HasSubstr("1 warning\n")));
    EXPECT_THAT(output_for("virtual_alias_domains = \"example.com\"\n"),
                HasSubstr("policyd.toml:1: virtual_alias_domains: example.com is in"));
    EXPECT_THAT(output_for("mydestination = \"localhost, !example.com\"\n"),
                HasSubstr("0 warnings\n"));
}

TEST_F(CheckConfigTest, FindsWhatAProgramWouldMissWhenItStarts) {
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

TEST_F(CheckConfigTest, TellsOfASocketThatPostfixMayNotConnectTo) {
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

TEST_F(CheckConfigTest, FindsFilesOfRootsInADirectoryOfTheDaemons) {
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

TEST_F(CheckConfigTest, TellsOfARelayBehindWhichNobodyHasAMailbox) {
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

TEST_F(CheckConfigTest, FindsActionsThatAreNone) {
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

TEST_F(CheckConfigTest, WarnsOfAListOfClientsWithThisMachineAlone) {
    const auto says = [this](const std::string& tables,
                             const std::string& more = "client_access_default = \"554 No\"") {
        scratch_.Write("policyd.toml", "client_access_maps = [" + tables +
                                           "]\nusage_store = \"sqlite:" + Path("usage.sqlite") +
                                           "\"\n" + more + '\n');
        return WithConfig({"check-config"}).output;
    };
    const std::string warning =
        ":3: client_access_default: client_access_maps lists no client but "
        "this machine, so all mail from outside gets \"554 No\": ";
    const std::string cidr =
        "\"cidr:" + scratch_.Write("cidr", "127.0.0.0/8 OK\n::1 OK\n").string() + '"';
    const std::string text =
        "\"texthash:" + scratch_.Write("text", "127.0.0.1 OK\nlocalhost OK\n").string() + '"';
    EXPECT_THAT(says(cidr + ", " + text + ", \"inline:{127=OK}\""), HasSubstr(warning));
    EXPECT_THAT(says(""), HasSubstr(warning));
    EXPECT_THAT(says(cidr, "client_access_default = \"DEFER not now\""), HasSubstr("1 warning\n"));
    EXPECT_THAT(says(cidr, "client_access_default = \"DUNNO\""), HasSubstr("0 warnings\n"));
    EXPECT_THAT(says(cidr, "client_access_default = \"554 No\"\ndry_run = \"client_access\""),
                HasSubstr("0 warnings\n"));
    EXPECT_THAT(says(cidr, "client_access_default = \"554 No\"\nchecks = \"recipient\""),
                HasSubstr("0 warnings\n"));
    for (const char* other : {"inline:{192.0.2.1=OK}", "inline:{127.example=OK}", "inline:{::=OK}"})
        EXPECT_THAT(says(cidr + ", \"" + other + '"'), HasSubstr("0 warnings\n")) << other;
    EXPECT_THAT(says(cidr + ", \"" + Sqlite("users") + '"'), HasSubstr("0 warnings\n"));
    scratch_.Write("cidr", "!127.0.0.0/8 OK\n");
    EXPECT_THAT(says(cidr), HasSubstr("0 warnings\n"));
}

TEST_F(CheckConfigTest, WarnsOfQueriesIntoWhichNoDomainCanBePut) {
    const std::string by_domain[] = {"virtual_domain_limit_maps",
                                     "virtual_domain_message_limit_maps", "virtual_mailbox_domains",
                                     "relay_domains", "mydestination"};
    const auto says = [&](const std::string& placeholder) {
        Table("table", "SELECT quota FROM users WHERE email='" + placeholder + '\'');
        std::string settings = "usage_store = \"sqlite:" + Path("usage.sqlite") + "\"\n";
        for (const std::string& option : by_domain)
            settings += option + " = \"" + Sqlite("table") + "\"\n";
        scratch_.Write("policyd.toml",
                       settings + "virtual_alias_maps = \"" + Sqlite("table") + "\"\n");
        return WithConfig({"check-config"}).output;
    };
    const std::string place = "warning: " + Path("table.cf") + ":2: ";
    for (const char* placeholder : {"%d", "%u@%D", "%1"}) {
        const std::string said = says(placeholder);
        for (const std::string& option : by_domain)
            EXPECT_THAT(said,
                        HasSubstr(place + option +
                                  ": the key is a domain alone, without an @, and has no part that "
                                  "%d or %1 to %9 could stand for, so the query is never made: "
                                  "write '%s'\n"))
                << placeholder;
        EXPECT_THAT(said, Not(HasSubstr("virtual_alias_maps")));
    }
    for (const char* placeholder : {"%s", "%u"})
        EXPECT_THAT(says(placeholder), HasSubstr("0 warnings\n")) << placeholder;
    EXPECT_THAT(
        says("100%%s"),
        HasSubstr(place + "virtual_alias_maps: the query has no placeholder for the key, and so "
                          "one answer for all keys: write '%s' where the key belongs\n"));
}

TEST_F(CheckConfigTest, WarnsOfMailboxesThatAreNoneByTheLayout) {
    test::MariaDbServer server;
    server.Execute(
        "CREATE DATABASE mail; USE mail; CREATE TABLE users (email VARCHAR(80) PRIMARY KEY);"
        "INSERT INTO users VALUES ('ann@example.com')");
    scratch_.Write("mysql.cf",
                   "hosts = " + server.Hosts() +
                       "\nuser = root\ndbname = mail\nquery = SELECT "
                       "CONCAT(SUBSTRING_INDEX(email,'@',-1),'/',SUBSTRING_INDEX(email,'@',1),'/') "
                       "FROM users WHERE email='%s'\n");
    Table("paths", "SELECT substr(email, 5) || '/ann/' FROM users WHERE email='%s'");
    const std::string tables[] = {"mysql:" + Path("mysql.cf"), Sqlite("paths")};
    for (const std::string& table : tables) {
        const auto says = [&](const std::string& more) {
            scratch_.Write("policyd.toml", "virtual_mailbox_maps = \"" + table +
                                               "\"\nusage_store = \"sqlite:" +
                                               Path("usage.sqlite") + "\"\n" + more + '\n');
            return WithConfig({"check-config"}).output;
        };
        EXPECT_THAT(says(""), HasSubstr("0 warnings\n"));
        for (const std::string layout : {"%d/%u/Maildir", "%u@%d"})
            EXPECT_THAT(says("mailbox_layout = \"" + layout + '"'),
                        HasSubstr("policyd.toml:3: mailbox_layout: \"" + layout +
                                  "\" fits no \"example.com/ann/\", which " + table +
                                  " has: no scan measures such a mailbox\n"));
    }
    Table("paths", "SELECT 'OK' FROM users WHERE email='%s'");
    scratch_.Write("policyd.toml", "virtual_mailbox_maps = \"" + Sqlite("paths") +
                                       "\"\nusage_store = \"sqlite:" + Path("usage.sqlite") +
                                       "\"\nmailbox_layout = \"%u@%d\"\n");
    EXPECT_THAT(WithConfig({"check-config"}).output, HasSubstr("0 warnings\n"));
}

TEST_F(CheckConfigTest, FindsAddressesOnWhichNothingCanListen) {
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

}  // namespace
}  // namespace policyd
