#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>
#include <string>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd {
namespace {

using testing::HasSubstr;

/// A policyd with a configuration that a test changes under it.
class ConfigTest : public testing::Test {
protected:
    std::string Path(const std::string& name) const { return scratch_ / name; }

    void Configure(const std::string& more) const {
        scratch_.Write("policyd.toml", "listen = \"unix:" + Path("policy.sock") +
                                           "\"\n"
                                           "usage_store = \"sqlite:" +
                                           Path("usage.sqlite") + "\"\n" + more);
    }

    std::string Log() const { return test::ReadFile(scratch_ / "policyd.log"); }

    void WaitForLog(const std::string& text) const {
        test::WaitUntil(
            text, [&] { return Log().find(text) != std::string::npos; }, scratch_ / "policyd.log");
    }

    std::string Answer() const {
        return test::Run({test::ProgramPath("policyctl"), "ask", "--server",
                          "unix:" + Path("policy.sock")})
            .output;
    }

    const test::ScratchDirectory scratch_;
    const std::vector<std::string> command_{test::ProgramPath("policyd"), "--config",
                                            Path("policyd.toml")};
};

TEST_F(ConfigTest, NothingStartsWithAMistakeAndEachIsNamed) {
    Configure("checks = [\"recipiant\"]\nlisen = \"x\"\nvirtual_alias_maps = \"mysql:/none.cf\"\n");
    const auto ended = test::Run(command_);
    EXPECT_EQ(ended.status, 78);
    EXPECT_THAT(ended.errors, HasSubstr("policyd.toml:3: checks: expected client_access, "
                                        "recipient or mailbox_quota (did you mean "
                                        "\"recipient\"?), found [\"recipiant\"]"));
    EXPECT_THAT(ended.errors,
                HasSubstr("policyd.toml:4: lisen: unknown option (did you mean listen?)"));
    EXPECT_THAT(ended.errors, HasSubstr("policyd.toml:5: virtual_alias_maps: /none.cf: No such"));
    EXPECT_FALSE(std::filesystem::exists(scratch_ / "policy.sock"));
}

TEST_F(ConfigTest, WhatEndsAProgramOfAUnitIsAnErrorInTheJournal) {
    Configure("lisen = \"x\"\nchecks = [\"recipiant\"]\n");
    const std::string said = scratch_.Write("said", "");
    struct stat status {};
    ASSERT_EQ(stat(said.c_str(), &status), 0);
    const std::string journal =
        "JOURNAL_STREAM=" + std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
    const std::vector<std::vector<std::string>> ends = {
        {"policyd"}, {"policyd-scan"}, {"policyctl", "reload"}, {"policyd", "--no-such-option"}};
    for (std::vector<std::string> command : ends) {
        command.front() = test::ProgramPath(command.front());
        command.insert(command.end(), {"--config", Path("policyd.toml")});
        std::filesystem::resize_file(said, 0);
        test::Process program(command, {said, {journal}});
        EXPECT_NE(program.Wait(), 0);
        std::istringstream lines(test::ReadFile(said));
        std::size_t count = 0;
        for (std::string line; std::getline(lines, line); ++count)
            EXPECT_THAT(line, testing::StartsWith("<3>"));
        EXPECT_GT(count, 0) << command.front();
    }
}

TEST_F(ConfigTest, AReloadTakesOverAllOrNothing) {
    Configure("client_access_default = \"554 5.7.1 first\"\n");
    test::Process server(command_, {.output = Path("policyd.log")});
    test::WaitUntil(
        "policyd to listen", [&] { return test::CanConnect(scratch_ / "policy.sock"); },
        scratch_ / "policyd.log");
    EXPECT_EQ(Answer(), "554 5.7.1 first\n");

    Configure("client_access_default = \"554 5.7.1 second\"\nworkers = \"none\"\n");
    server.Signal(SIGHUP);
    WaitForLog("reload failed, the old configuration stays: " + Path("policyd.toml") +
               ":4: workers: expected a number from 1 to 256");
    EXPECT_EQ(Answer(), "554 5.7.1 first\n");

    Configure("client_access_default = \"554 5.7.1 third\"\n");
    server.Signal(SIGHUP);
    WaitForLog("reloaded: ");
    test::WaitUntil(
        "the new answer", [&] { return Answer() == "554 5.7.1 third\n"; },
        scratch_ / "policyd.log");
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0) << Log();
}

TEST_F(ConfigTest, AnInstalledSystemHasItsFilesAndKeepsWhatWasChanged) {
    const std::vector<std::string> install{"env",       "DESTDIR=" + Path("root"),    "cmake",
                                           "--install", test::BuildPath("").string(), "--prefix",
                                           "/usr"};
    const auto installed = test::Run(install);
    ASSERT_EQ(installed.status, 0) << installed.errors;
    for (const char* file :
         {"usr/sbin/policyd", "usr/sbin/policyd-scan", "usr/sbin/policyctl",
          "etc/policyd/policyd.toml", "etc/policyd/clients.cidr", "etc/init.d/policyd",
          "etc/logrotate.d/policyd", "usr/lib/systemd/system/policyd.service",
          "usr/lib/systemd/system/policyd.socket", "usr/lib/sysusers.d/policyd.conf",
          "usr/lib/tmpfiles.d/policyd.conf", "usr/share/man/man8/policyd.8",
          "usr/share/man/man5/policyd.toml.5", "usr/share/policyd/postfix-main.cf.sample"})
        EXPECT_TRUE(std::filesystem::exists(scratch_ / "root" / file)) << file;

    const auto config = scratch_.Write("root/etc/policyd/policyd.toml", "workers = 2\n");
    EXPECT_EQ(test::Run(install).status, 0);
    EXPECT_EQ(test::ReadFile(config), "workers = 2\n");
}

}  // namespace
}  // namespace policyd
