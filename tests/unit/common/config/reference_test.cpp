#include "common/config/reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "common/config/config_file.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::config {
namespace {

std::string Committed(const std::string& path) {
    return test::ReadFile(test::SourcePath(path));
}

TEST(ReferenceTest, TheShippedFilesAreWhatTheProgramPrints) {
    EXPECT_EQ(Committed("conf/policyd.toml"), SampleFile())
        << "policyctl config sample > conf/policyd.toml";
    EXPECT_EQ(Committed("docs/configuration.md"), MarkdownReference())
        << "policyctl config reference > docs/configuration.md";
    EXPECT_EQ(Committed("docs/policyd.toml.5"), ManualPage())
        << "policyctl config man > docs/policyd.toml.5";
}

TEST(ReferenceTest, TheSampleIsAcceptedOnceItsTableFilesAreThere) {
    const test::ScratchDirectory scratch;
    std::string sample = SampleFile();
    for (const char* directory : {"/etc/postfix/", "/etc/policyd/"})
        for (auto at = sample.find(directory); at != std::string::npos; at = sample.find(directory))
            sample.replace(at, std::string(directory).size(), scratch.Path().string() + "/");
    for (const char* name :
         {"clients.cidr", "mysql-virtual_forwardings.cf", "mysql-virtual_email2email.cf",
          "mysql-virtual_domains.cf", "mysql-virtual_mailboxes.cf",
          "mysql-virtual_mailboxes_quota.cf", "mysql-virtual_transport.cf"})
        scratch.Write(name, "");

    EXPECT_EQ(ParseConfig(sample, "sample").settings.virtual_alias_maps.size(), 2u);
}

TEST(ReferenceTest, WhatTheSampleShowsCommentedOutMayBeUncommented) {
    const std::string uncommented =
        std::regex_replace(SampleFile(), std::regex("\n#([a-z_]+ = )"), "\n$1");
    try {
        ParseConfig(uncommented, "sample");
    } catch (const ConfigError& error) {
        std::istringstream lines(error.what());
        for (std::string line; std::getline(lines, line);)
            EXPECT_THAT(line, testing::HasSubstr("No such file")) << "only table files may miss";
    }
}

}  // namespace
}  // namespace policyd::config
