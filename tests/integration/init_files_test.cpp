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

}  // namespace
}  // namespace policyd
