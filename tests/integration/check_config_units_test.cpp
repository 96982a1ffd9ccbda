// What policyctl check-config says of the units of systemd, and of the users that the daemons run
// as.

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

TEST_F(CheckConfigUnitsTest, TellsOfWhatTheUsersOfTheUnitsMayNotRead) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can try";
    const auto mode = [this](const std::string& name, mode_t bits) {
        ASSERT_EQ(chmod(Path(name).c_str(), bits), 0);
    };
    scratch_.Write("password", "secret\n");
    scratch_.Write("clients", "192.0.2.1 OK\n");
    mode("password", 0640);
    scratch_.Write("policyd.toml", Configuration() + "redis_password_file = \"" + Path("password") +
                                       "\"\nclient_access_maps = \"cidr:" + Path("clients") +
                                       "\"\n");
    test::Run({"sed", "-i", "/inline:/d", Path("policyd.toml")});
    ASSERT_EQ(chown(Path("password").c_str(), 0, 65534), 0);
    EXPECT_THAT(Says("User=nobody\n"), Not(HasSubstr("may not read")));
    EXPECT_THAT(
        Says("User=nobody\nGroup=root\n"),
        HasSubstr(":9: redis_password_file: policyd.service may not read " + Path("password") +
                  " as the user nobody: usermod -aG nogroup nobody, and restart it"));
    mode("password", 0600);
    mode("policyd.toml", 0640);
    mode("clients", 0640);
    mode("quotas.cf", 0600);
    Units("User=nobody\n");
    const auto checked = CheckConfig();
    EXPECT_EQ(checked.status, 78);
    EXPECT_THAT(checked.output,
                HasSubstr("redis_password_file: policyd.service may not read " + Path("password") +
                          " as the user nobody: chmod g+r " + Path("password") + '\n'));
    EXPECT_THAT(checked.output,
                HasSubstr("error: " + Path("policyd.toml") + ": policyd.service may not read " +
                          Path("policyd.toml") + " as the user nobody: chgrp nogroup " +
                          Path("policyd.toml") + '\n'));
    EXPECT_THAT(checked.output,
                HasSubstr("client_access_maps: policyd.service may not read " + Path("clients") +
                          " as the user nobody: chgrp nogroup " + Path("clients") + '\n'));
    EXPECT_THAT(checked.output,
                HasSubstr("virtual_mailbox_limit_maps: policyd.service may not read " +
                          Path("quotas.cf") + " as the user nobody: chgrp nogroup " +
                          Path("quotas.cf") + " && chmod g+r " + Path("quotas.cf") + '\n'));
    EXPECT_THAT(checked.output, HasSubstr(": policyd-scan.service may not read "));
    EXPECT_THAT(Says("User=nobody\nSupplementaryGroups=root\nAmbientCapabilities="
                     "cap_dac_read_search\n"),
                Not(HasSubstr("may not read")));
    EXPECT_THAT(Says("User=root\n"), Not(HasSubstr("may not read")));
    mode(".", 0700);
    EXPECT_THAT(Says("User=nobody\n"),
                HasSubstr(Path("clients") + " as the user nobody: chmod o+x " +
                          scratch_.Path().string() + '\n'));
}

TEST_F(CheckConfigUnitsTest, WhatIsNoFileIsNotReadWhereverItIsCalled) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can try";
    const std::string home = Path("home");
    std::filesystem::create_directory(home);
    ASSERT_EQ(chmod(home.c_str(), 0700), 0);
    scratch_.Write("policyd.toml",
                   Configuration() +
                       "quota_exempt_clients = [\"192.0.2.0/24\", "
                       "\"2001:db8::/32\"]\nmetrics_listen = \"inet:127.0.0.1:9\"\n");
    Units("User=nobody\n");
    const auto says_in = [this](const std::string& directory, const std::string& name) {
        return test::Run({"env", "-C", directory,
                          "PATH=" + Path("programs") + ":/usr/sbin:/usr/bin:/sbin:/bin",
                          test::ProgramPath("policyctl"), "check-config", "--config", name})
            .output;
    };
    EXPECT_THAT(says_in(home, Path("policyd.toml")), Not(HasSubstr("may not read")));
    ASSERT_EQ(chmod(Path("policyd.toml").c_str(), 0600), 0);
    EXPECT_THAT(says_in(scratch_.Path().string(), "policyd.toml"),
                HasSubstr("policyd.service may not read " + Path("policyd.toml") + " as"));
}

TEST_F(CheckConfigUnitsTest, TellsWhatTheUserOfTheOptionMayNotReadAtAReload) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can try";
    scratch_.Write("policyd.toml", "user = \"nobody\"\n" + Configuration());
    ASSERT_EQ(chmod(Path("quotas.cf").c_str(), 0600), 0);
    const std::string warning =
        " may not read " + Path("quotas.cf") + " as the user nobody at a reload: chgrp nogroup ";
    EXPECT_THAT(Says(""), HasSubstr("warning: " + Path("policyd.toml") +
                                    ":7: virtual_mailbox_limit_maps: policyd.service" + warning));
    Unit("policyd", "ExecStart=\n");
    EXPECT_THAT(CheckConfig().output, HasSubstr("virtual_mailbox_limit_maps: policyd" + warning));
    EXPECT_EQ(CheckConfig().status, 0);
}

TEST_F(CheckConfigUnitsTest, TellsOfSocketsThatTheUserOfTheUnitMayNotMakeOrGiveAway) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can try";
    const std::string directory = Path("sockets");
    std::filesystem::create_directory(directory);
    scratch_.Write("policyd.toml", "listen = [\"unix:" + directory +
                                       "/policyd\"]\ncontrol_socket = \"\"\n"
                                       "unix_socket_group = \"root\"\n");
    const std::string user = "User=nobody\nGroup=nogroup\n";
    EXPECT_THAT(Says(user),
                HasSubstr(":1: listen: policyd.service may not make " + directory +
                          "/policyd as the user nobody: listen in a directory that it may write"));
    EXPECT_THAT(Says(user + "TriggeredBy=policyd.socket\n"), Not(HasSubstr("may not")))
        << "systemd makes it";
    EXPECT_THAT(Says(user + "RuntimeDirectory=.." + directory + '\n'), Not(HasSubstr("not make")));
    EXPECT_THAT(Says(""), Not(HasSubstr("may not")));
    ASSERT_EQ(chmod(directory.c_str(), 0777), 0);
    EXPECT_THAT(Says(user), Not(HasSubstr("may not make")));
    EXPECT_THAT(
        Says(user),
        HasSubstr(":3: unix_socket_group: policyd.service may not give a socket to the "
                  "group root as the user nobody: usermod -aG root nobody, and restart it"));
    EXPECT_THAT(Says(user + "SupplementaryGroups=root\n"), Not(HasSubstr("may not")));
    ASSERT_EQ(chmod(directory.c_str(), 02777), 0);
    EXPECT_THAT(Says(user), Not(HasSubstr("may not")));
}

TEST_F(CheckConfigUnitsTest, KnowsTheUsersOfTheInitScripts) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can try";
    Units("ExecStart=\n");
    for (const std::string name : {"policyd", "policyd-scan"}) {
        std::string script = test::ReadFile(test::SourcePath("init/" + name + ".sysv"));
        const std::string configuration = "\nCONFIG=";
        const std::size_t at = script.find(configuration) + configuration.size();
        script.replace(at, script.find('\n', at) - at, Path("policyd.toml"));
        scratch_.Write("init.d/" + name, script);
    }
    scratch_.Write("passwd", test::ReadFile("/etc/passwd") +
                                 "policyd:x:64000:64000::/:/bin/sh\n"
                                 "policyd-scan:x:64001:64000::/:/bin/sh\n");
    scratch_.Write("group", test::ReadFile("/etc/group") + "policyd:x:64000:\n");
    ASSERT_EQ(chmod(Path("quotas.cf").c_str(), 0600), 0);
    ASSERT_EQ(chmod(Path("policyd.toml").c_str(), 0600), 0);
    const auto checked = test::Run(
        {"env", "PATH=" + Path("programs") + ":/usr/sbin:/usr/bin:/sbin:/bin", "unshare", "-m",
         "sh", "-c",
         "cd " + scratch_.Path().string() +
             " && mount --bind init.d /etc/init.d && mount --bind passwd /etc/passwd && "
             "mount --bind group /etc/group && exec \"$@\"",
         "sh", test::ProgramPath("policyctl"), "check-config", "--config", Path("policyd.toml")});
    EXPECT_THAT(checked.output,
                HasSubstr("virtual_mailbox_limit_maps: policyd may not read " + Path("quotas.cf") +
                          " as the user policyd: chgrp policyd " + Path("quotas.cf")));
    EXPECT_THAT(checked.output, HasSubstr("policyd may not make " + Path("policy.sock")));
    EXPECT_THAT(checked.output, Not(HasSubstr("policyd-scan"))) << "its capabilities read all";
}

}  // namespace
}  // namespace policyd
