// What the scripts that build and run for long say of their command line, before they do either.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd {
namespace {

using testing::HasSubstr;

class RunScriptTest : public testing::TestWithParam<const char*> {
protected:
    RunScriptTest() {
        for (const char* program : {"cmake", "apt-get", "dpkg-query"}) {
            const std::string path = scratch_.Write(program, "#!/bin/sh\nexit 99\n");
            EXPECT_EQ(chmod(path.c_str(), 0755), 0);
        }
    }

    test::Finished Script(std::vector<std::string> arguments) const {
        std::vector<std::string> command{
            "env", "PATH=" + scratch_.Path().string() + ':' + std::getenv("PATH"),
            test::SourcePath(GetParam())};
        command.insert(command.end(), arguments.begin(), arguments.end());
        return test::Run(command);
    }

    const test::ScratchDirectory scratch_;
};

TEST_P(RunScriptTest, TellsHowItIsCalledAndBuildsNothing) {
    for (const char* help : {"--help", "-h"}) {
        const test::Finished told = Script({help});
        EXPECT_EQ(told.status, 0) << told.errors;
        EXPECT_THAT(told.output, HasSubstr(std::filesystem::path(GetParam()).filename().string()));
        EXPECT_EQ(told.errors, "");
    }
}

using CountingScriptTest = RunScriptTest;

TEST_P(CountingScriptTest, RefusesWhatIsNoNumber) {
    for (const std::vector<std::string>& wrong :
         std::vector<std::vector<std::string>>{{}, {"--frobnicate"}, {"0"}, {"10s"}, {"1", "x"}}) {
        const test::Finished refused = Script(wrong);
        EXPECT_EQ(refused.status, 64) << testing::PrintToString(wrong);
        EXPECT_EQ(refused.output, "");
        EXPECT_NE(refused.errors, "");
    }
}

std::string NameOf(const testing::TestParamInfo<const char*>& script) {
    std::string name;
    for (const char letter : std::string(script.param))
        if (letter != '/') name += letter;
    return name;
}

INSTANTIATE_TEST_SUITE_P(Each, RunScriptTest,
                         testing::Values("tests/run", "tests/fuzz/run", "tests/chaos/run",
                                         "tests/soak/run", "init/quickstart"),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Each, CountingScriptTest,
                         testing::Values("tests/fuzz/run", "tests/chaos/run", "tests/soak/run"),
                         NameOf);

}  // namespace
}  // namespace policyd
