// What policyctl check-config says of the units of systemd.

#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/policyctl_fixture.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd {
namespace {

/// With a systemctl that shows what a test has written.
class CheckConfigUnitsTest : public PolicyctlTest {
protected:
    CheckConfigUnitsTest() {
        scratch_.Write("programs/systemctl", "#!/bin/sh\nfor unit; do :; done\ncat " +
                                                 scratch_.Path().string() + "/$unit\n");
        EXPECT_EQ(chmod(Path("programs/systemctl").c_str(), 0755), 0);
        Units("");
    }

    void Unit(const std::string& name, const std::string& properties) const {
        scratch_.Write(name + ".service", "LoadState=loaded\nExecStart={ path=/usr/sbin/" + name +
                                              " ; argv[]=/usr/sbin/" + name + " --config " +
                                              Path("policyd.toml") + " ; ignore_errors=no }\n" +
                                              properties);
    }

    void Units(const std::string& properties) const {
        for (const char* name : {"policyd", "policyd-scan"}) Unit(name, properties);
    }

    test::Finished CheckConfig(const std::string& name = "policyd.toml") const {
        return test::Run({"env", "PATH=" + Path("programs") + ":/usr/sbin:/usr/bin:/sbin:/bin",
                          test::ProgramPath("policyctl"), "check-config", "--config", Path(name)});
    }

    std::string Says(const std::string& properties) const {
        Units(properties);
        return CheckConfig().output;
    }
};

TEST_F(CheckConfigUnitsTest, TellsOfServersThatTheUnitsKeepTheDaemonsFrom) {
    const auto output_for = [&](const std::string& hosts, const std::string& redis,
                                const std::string& allowed = "::1/128 127.0.0.0/8") {
        Units("IPAddressDeny=::/0 0.0.0.0/0\nIPAddressAllow=" + allowed + '\n');
        scratch_.Write("mysql.cf",
                       "hosts = " + hosts + "\nuser = root\ndbname = mail\nquery = SELECT '%s'\n");
        scratch_.Write("policyd.toml", "virtual_alias_maps = \"mysql:" + Path("mysql.cf") +
                                           "\"\nusage_store = \"redis:inet:" + redis +
                                           ":1\"\nmysql_time_limit = \"10ms\"\n");
        return CheckConfig().output;
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

TEST_F(CheckConfigUnitsTest, TellsOfWhatTheUnitsHide) {
    const auto with_store = [this](const std::string& path) {
        scratch_.Write("policyd.toml", "usage_store = \"sqlite:" + path +
                                           "\"\nvirtual_mailbox_base = \"/srv/mail\"\n");
    };
    const std::string line = "policyd.toml:1: usage_store: policyd.service does not see ";
    with_store("/home/mail/usage.sqlite");
    EXPECT_THAT(Says("ProtectHome=yes\n"),
                HasSubstr(line + "/home/mail/usage.sqlite: ProtectHome=yes hides it: move it, or "
                                 "change that (systemctl edit policyd)"));
    EXPECT_THAT(Says("ProtectHome=yes\nBindPaths=/home/mail:/home/mail:rbind\n"), HasSubstr(line));
    EXPECT_THAT(Says("ProtectHome=tmpfs\n"), HasSubstr(line));
    EXPECT_THAT(Says("ProtectHome=tmpfs\nBindPaths=/srv:/home/mail:rbind\n"),
                Not(HasSubstr(".service")));
    EXPECT_THAT(Says("ProtectHome=read-only\n"),
                HasSubstr("may not write /home/mail/usage.sqlite by ProtectHome=read-only"));
    EXPECT_THAT(Says("ProtectHome=read-only\nReadWritePaths=/home/mail\n"),
                Not(HasSubstr(".service")));
    with_store("/var/tmp/usage.sqlite");
    EXPECT_THAT(Says("PrivateTmp=yes\n"),
                HasSubstr(line + "/var/tmp/usage.sqlite: PrivateTmp=yes hides it"));
    EXPECT_THAT(Says("PrivateTmp=no\n"), Not(HasSubstr(".service")));
}

TEST_F(CheckConfigUnitsTest, ATableThatTheUnitHidesIsAMistake) {
    const std::string tables[] = {Path("directory.sqlite"), Path("domains.cf"), Path("list")};
    scratch_.Write("list", "example.net\n");
    scratch_.Write("policyd.toml",
                   Configuration() + "virtual_alias_domains = \"" + Path("list") + "\"\n");
    for (const std::string& table : tables) {
        Units("InaccessiblePaths=-" + table + '\n');
        const auto hidden = CheckConfig();
        EXPECT_EQ(hidden.status, 78);
        EXPECT_THAT(hidden.output, HasSubstr("policyd.service does not see " + table + ": "));
        EXPECT_THAT(hidden.output, HasSubstr("\n1 error, "));
    }
    std::filesystem::create_symlink(Path("directory.sqlite"), Path("link"));
    scratch_.Write("domains.cf", "dbpath = " + Path("link") + "\nquery = SELECT '%s'\n");
    Units("InaccessiblePaths=-" + Path("directory.sqlite") + '\n');
    EXPECT_THAT(CheckConfig().output, HasSubstr("virtual_mailbox_domains: policyd.service does not "
                                                "see " +
                                                Path("link")));
}

TEST_F(CheckConfigUnitsTest, TellsOfAMailStoreAndAPasswordThatTheUnitHides) {
    ASSERT_EQ(chmod(scratch_.Write("password", "secret\n").c_str(), 0640), 0);
    scratch_.Write("policyd.toml",
                   "virtual_mailbox_base = \"/tmp/mail\"\nredis_password_file = \"" +
                       Path("password") + "\"\n");
    const std::string said = Says("PrivateTmp=yes\n");
    EXPECT_THAT(said, HasSubstr("virtual_mailbox_base: policyd-scan.service does not see"));
    EXPECT_THAT(said, HasSubstr("redis_password_file: policyd.service does not see"));
}

TEST_F(CheckConfigUnitsTest, SaysNothingOfStandardOutputWhichIsAnotherOneThere) {
    scratch_.Write("policyd.toml", "log_destination = \"file:/dev/stdout\"\n");
    EXPECT_THAT(Says("ProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\n"),
                Not(HasSubstr("log_destination")));
}

TEST_F(CheckConfigUnitsTest, KnowsAConfigurationHoweverItIsNamedOnTheCommandLine) {
    scratch_.Write("policyd.toml", "log_destination = \"file:/home/log\"\n");
    for (const char* option : {"-c ", "--config=", "--config "}) {
        scratch_.Write("policyd.service",
                       "LoadState=loaded\nProtectHome=yes\nExecStart={ argv[]=/usr/sbin/policyd " +
                           (option + Path("policyd.toml")) + " ; }\n");
        EXPECT_THAT(CheckConfig().output, HasSubstr("policyd.service does not see")) << option;
    }
}

TEST_F(CheckConfigUnitsTest, SaysNothingOfUnitsThatAreStartedWithAnotherConfiguration) {
    Units("InaccessiblePaths=/\nProtectSystem=strict\n");
    scratch_.Write("another.toml", Configuration());
    EXPECT_THAT(CheckConfig("another.toml").output, Not(HasSubstr(".service")));
    EXPECT_EQ(CheckConfig("another.toml").status, 0);
    EXPECT_EQ(CheckConfig().status, 78);
}

TEST_F(CheckConfigUnitsTest, TellsOfTablesInWalModeBesideWhichTheUnitMayNotWrite) {
    const std::string strict = "ProtectSystem=strict\n";
    EXPECT_THAT(Says(strict), Not(HasSubstr("WAL")));
    ASSERT_EQ(test::Run({"sqlite3", Path("directory.sqlite"), "PRAGMA journal_mode = WAL"}).status,
              0);
    EXPECT_THAT(Says(strict), HasSubstr("virtual_alias_maps: policyd.service may not write "
                                        "beside " +
                                        Path("directory.sqlite") + ", which is in WAL mode"));
    EXPECT_THAT(Says(strict),
                HasSubstr("ReadWritePaths=" + scratch_.Path().string() + " (systemctl"));
    EXPECT_THAT(Says(strict + "ReadWritePaths=" + scratch_.Path().string() + '\n'),
                Not(HasSubstr("WAL")));
    EXPECT_THAT(Says(""), Not(HasSubstr("WAL")));
}

TEST_F(CheckConfigUnitsTest, TellsOfWhatTheUnitsMayNotWrite) {
    std::filesystem::create_directory(Path("log"));
    scratch_.Write("policyd.toml", Configuration() +
                                       "log_destination = \"file:" + Path("log/policyd.log") +
                                       "\"\nscan_state_file = \"" + Path("scan.state") + "\"\n");
    const std::string strict = Says("ProtectSystem=strict\nRuntimeDirectory=policyd\n");
    for (const char* unit : {"policyd", "policyd-scan"}) {
        const std::string service = std::string(unit) + ".service may not write ";
        EXPECT_THAT(strict, HasSubstr("usage_store: " + service + Path("usage.sqlite") +
                                      " by ProtectSystem=strict: add ReadWritePaths=" +
                                      scratch_.Path().string() + " (systemctl edit " + unit + ')'));
        EXPECT_THAT(strict, HasSubstr("log_destination: " + service + Path("log/policyd.log")));
    }
    EXPECT_THAT(strict, HasSubstr("scan_state_file: policyd-scan.service may not write "));
    EXPECT_THAT(strict, Not(HasSubstr("scan_state_file: policyd.service")));
    EXPECT_THAT(strict, HasSubstr("listen: policyd.service may not write " + Path("policy.sock")));
    EXPECT_THAT(strict, Not(HasSubstr("control_socket")));
    const std::string writable =
        Says("ProtectSystem=strict\nReadWritePaths=-" + scratch_.Path().string() +
             "\nReadOnlyPaths=" + Path("log") + "\nRuntimeDirectory=policyd\n");
    EXPECT_THAT(writable, HasSubstr("log_destination: policyd.service may not write"));
    EXPECT_THAT(writable, HasSubstr("2 warnings"));
    EXPECT_THAT(Says("ProtectSystem=full\n"), HasSubstr("0 warnings"));
}

TEST_F(CheckConfigUnitsTest, TriesSocketsWithTheRightsOfTheUnitsUser) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can try";
    const test::RedisServer redis;
    const std::string socket = redis.UnixEndpoint().path;
    ASSERT_EQ(chown(socket.c_str(), 0, 0), 0);
    ASSERT_EQ(chmod(socket.c_str(), 0770), 0);
    scratch_.Write("policyd.toml", "usage_store = \"redis:unix:" + socket + "\"\n");
    const std::string nobody = Says("User=nobody\nGroup=nogroup\n");
    for (const char* unit : {"policyd", "policyd-scan"})
        EXPECT_THAT(nobody, HasSubstr("policyd.toml:1: usage_store: " + std::string(unit) +
                                      ".service may not connect to " + socket +
                                      ", as the group root may: usermod -aG root nobody, and "
                                      "restart it"));
    EXPECT_THAT(Says("User=nobody\nSupplementaryGroups=root\n"), Not(HasSubstr("not connect")));
    EXPECT_THAT(Says("User=nobody\nGroup=root\n"), Not(HasSubstr("not connect")));
    EXPECT_THAT(Says("User=root\n"), Not(HasSubstr("not connect")));
    EXPECT_THAT(Says("User=nobody\nInaccessiblePaths=" + socket + '\n'),
                HasSubstr("usage_store: policyd.service does not see " + socket));
    scratch_.Write("mysql.cf",
                   "hosts = unix:" + socket + "\nuser = u\ndbname = mail\nquery = SELECT '%s'\n");
    scratch_.Write("policyd.toml",
                   "mysql_time_limit = \"10ms\"\nusage_store = \"sqlite:" + Path("usage.sqlite") +
                       "\"\nvirtual_alias_maps = \"mysql:" + Path("mysql.cf") + "\"\n");
    EXPECT_THAT(Says("User=nobody\n"),
                HasSubstr("virtual_alias_maps: policyd.service may not connect to " + socket));
}

TEST_F(CheckConfigUnitsTest, WhoseCapabilitiesEnterEveryDirectory) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can try";
    const test::RedisServer redis;
    std::filesystem::create_directory(Path("private"));
    const std::string socket = Path("private/redis.sock");
    std::filesystem::rename(redis.UnixEndpoint().path, socket);
    ASSERT_EQ(chmod(socket.c_str(), 0777), 0);
    ASSERT_EQ(chmod(Path("private").c_str(), 0700), 0);
    scratch_.Write("policyd.toml", "usage_store = \"redis:unix:" + socket + "\"\n");
    Unit("policyd", "User=nobody\n");
    Unit("policyd-scan", "User=nobody\nAmbientCapabilities=cap_dac_read_search\n");
    const std::string output = CheckConfig().output;
    EXPECT_THAT(output, HasSubstr("policyd.service may not connect"));
    EXPECT_THAT(output, Not(HasSubstr("policyd-scan.service may not connect")));
}

}  // namespace
}  // namespace policyd
