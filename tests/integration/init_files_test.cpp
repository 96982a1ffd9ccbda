// The files in init/: units of systemd and scripts of SysV.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

fs::path WriteProgram(const test::ScratchDirectory& scratch, const std::string& name,
                      const std::string& script) {
    const fs::path path = scratch.Write(name, "#!/bin/sh\n" + script + '\n');
    EXPECT_EQ(chmod(path.c_str(), 0755), 0);
    return path;
}

TEST(UnitsTest, SystemdFindsNoFaultWithThem) {
    if (!fs::exists("/usr/bin/systemd-analyze")) GTEST_SKIP() << "needs systemd-analyze";
    const test::ScratchDirectory root;
    for (const char* unit : {"policyd.service", "policyd-scan.service", "policyd.socket"})
        root.Write("lib/systemd/system/" + std::string(unit),
                   test::ReadFile(test::SourcePath("init/" + std::string(unit))));
    for (const char* target : {"sysinit", "basic", "shutdown", "network-online", "sockets"})
        root.Write("lib/systemd/system/" + std::string(target) + ".target",
                   "[Unit]\nDefaultDependencies=no\n");
    for (const char* program :
         {"usr/sbin/policyd", "usr/sbin/policyd-scan", "usr/sbin/policyctl", "bin/sh", "bin/kill"})
        WriteProgram(root, program, "");
    const auto verified =
        test::Run({"systemd-analyze", "verify", "--man=no", "--root=" + root.Path().string(),
                   "policyd.service", "policyd-scan.service", "policyd.socket"});
    EXPECT_EQ(verified.status, 0);
    EXPECT_EQ(verified.output + verified.errors, "");
}

TEST(UnitsTest, PostfixWaitsForTheServiceAlsoDebiansWhoseDaemonIsAnInstance) {
    for (const char* unit : {"init/policyd.service", "init/policyd.socket"})
        EXPECT_THAT(test::ReadFile(test::SourcePath(unit)),
                    HasSubstr("\nBefore=postfix.service postfix@-.service\n"))
            << unit;
}

/// A script of init/ with programs and a directory of systemd's that are a test's.
class InitScriptTest : public testing::TestWithParam<const char*> {
protected:
    InitScriptTest() {
        std::string script =
            test::ReadFile(test::SourcePath("init/" + std::string(GetParam()) + ".sysv"));
        Replace(script, "\nPATH=", "\nPATH=" + Path("programs") + ':');
        Replace(script, "\nDAEMON=/usr/sbin/" + std::string(GetParam()), "\nDAEMON=/bin/true");
        Replace(script, "PIDFILE=/run/", "PIDFILE=" + scratch_.Path().string() + '/');
        Replace(script, "/run/systemd/system", Path("systemd"));
        scratch_.Write("script", script);
        WriteProgram(scratch_, "programs/systemctl", "echo systemctl \"$@\"");
        WriteProgram(scratch_, "programs/start-stop-daemon", "exit 3");
    }

    static void Replace(std::string& text, const std::string& what, const std::string& by) {
        const std::size_t at = text.find(what);
        ASSERT_NE(at, text.npos) << what;
        text.replace(at, what.size(), by);
    }

    std::string Path(const std::string& name) const { return scratch_ / name; }

    test::Finished Script(const std::string& action) const {
        return test::Run({"sh", Path("script"), action});
    }

    const test::ScratchDirectory scratch_;
};

TEST_P(InitScriptTest, HasSystemdDoWhatItIsToldWhereThatRuns) {
    fs::create_directory(Path("systemd"));
    WriteProgram(scratch_, "programs/policyctl", "");
    for (const std::string action :
         {"start", "stop", "restart", "reload", "force-reload", "status"})
        EXPECT_EQ(Script(action).output,
                  "systemctl --no-pager " + action + ' ' + GetParam() + ".service\n");
    EXPECT_EQ(Script("frobnicate").status, 2);
}

TEST_P(InitScriptTest, LetsWhatRunsGoOnWhereARestartWouldBeOverAMistake) {
    fs::create_directory(Path("systemd"));
    WriteProgram(scratch_, "programs/policyctl", "exit 78");
    const test::Finished restart = Script("restart");
    EXPECT_EQ(restart.status, 6);
    EXPECT_EQ(restart.output, "");
    WriteProgram(scratch_, "programs/policyctl", "exit 75");
    EXPECT_THAT(Script("restart").output, HasSubstr("systemctl --no-pager restart"));
}

TEST_P(InitScriptTest, LooksAfterTheDaemonItselfWhereSystemdDoesNotRun) {
    EXPECT_EQ(Script("status").output, std::string(GetParam()) + " is not running\n");
    EXPECT_EQ(Script("status").status, 3);
}

TEST_P(InitScriptTest, FailsAReloadOfAMistakenConfiguration) {
    WriteProgram(scratch_, "programs/start-stop-daemon", "");
    WriteProgram(scratch_, "programs/policyctl", "exit 78");
    EXPECT_EQ(Script("reload").status, 6);
}

TEST_P(InitScriptTest, StartsItSoThatAHangUpDoesNotEndItBeforeItMinds) {
    const std::string lives = Path("lives");
    WriteProgram(scratch_, "programs/policyctl", "case $1 in ask) exit 69 ;; esac");
    WriteProgram(scratch_, "programs/install", "");
    WriteProgram(
        scratch_, "programs/start-stop-daemon",
        "case \"$*\" in *--start*) kill -HUP $$; touch " + lives + " ;; *) exit 3 ;; esac");
    EXPECT_EQ(Script("start").status, 7) << "it has not really started";
    EXPECT_TRUE(fs::exists(lives));
}

TEST_P(InitScriptTest, StartsItWithTheGroupsThatItsUserIsIn) {
    const std::string started = Path("started");
    WriteProgram(scratch_, "programs/policyctl", "case $1 in ask) exit 69 ;; esac");
    WriteProgram(scratch_, "programs/install", "");
    WriteProgram(scratch_, "programs/start-stop-daemon",
                 "case \"$*\" in *--start*) echo \"$@\" >" + started + " ;; *) exit 3 ;; esac");
    EXPECT_EQ(Script("start").status, 7) << "it has not really started";
    // start-stop-daemon's --chuid takes them all, setpriv where it is told to.
    EXPECT_THAT(test::ReadFile(started), AnyOf(HasSubstr(" --chuid policyd:policyd "),
                                               HasSubstr(" --regid policyd --init-groups ")));
}

INSTANTIATE_TEST_SUITE_P(OfEachDaemon, InitScriptTest, testing::Values("policyd", "policyd-scan"),
                         [](const auto& daemon) {
                             return std::string(daemon.param) == "policyd" ? "Server" : "Scanner";
                         });

}  // namespace
}  // namespace policyd
