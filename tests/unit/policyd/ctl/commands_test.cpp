#include "policyd/ctl/commands.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "common/config/reference.hpp"
#include "common/config/values.hpp"
#include "policyd/ctl/exit_status.hpp"
#include "tests/support/scratch_directory.hpp"
#include "tests/support/unprivileged.hpp"

namespace policyd::ctl {
namespace {

using testing::HasSubstr;

struct Ended {
    int status;
    std::string out;
    std::string err;
};

Ended Ctl(const std::vector<std::string>& arguments, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    Terminal terminal{in, out, err};
    const int status = RunCommandLine(arguments, terminal);
    return {status, out.str(), err.str()};
}

TEST(CommandsTest, TheHelpNamesEveryCommandAndEachExplainsItself) {
    const Ended help = Ctl({"--help"});
    EXPECT_EQ(help.status, kSuccess);
    std::set<std::string_view> names;
    for (const Command& command : Commands()) {
        EXPECT_TRUE(names.insert(command.name).second) << command.name;
        EXPECT_THAT(help.out, HasSubstr(std::string(command.summary)));
        const Ended own = Ctl({std::string(command.name), "--help"});
        EXPECT_EQ(own.status, kSuccess) << command.name;
        EXPECT_THAT(own.out, HasSubstr(config::Wrapped(command.description, "")));
    }
}

TEST(CommandsTest, AWrongCommandLineIsAUsageError) {
    EXPECT_EQ(Ctl({}).status, kUsageError);
    EXPECT_EQ(Ctl({"fly"}).status, kUsageError);
    EXPECT_THAT(Ctl({"fly"}).err, HasSubstr("fly"));
    EXPECT_THAT(Ctl({}).err, HasSubstr("A command is required"));
    EXPECT_EQ(Ctl({"lookup", "inline:{a=b}"}).status, kUsageError);
    EXPECT_EQ(Ctl({"usage"}).status, kUsageError);
    EXPECT_EQ(Ctl({"ask", "--sender", "a\nb", "--server", "unix:/nowhere"}).status, kUsageError);
    EXPECT_EQ(Ctl({"ask", "--server", "nowhere"}).status, kUsageError);
}

TEST(CommandsTest, LookupAnswersAsPostmapDoes) {
    const Ended found = Ctl({"lookup", "proxy:inline:{ann@example.org=box/}", "Ann@Example.org"});
    EXPECT_EQ(found.status, kSuccess);
    EXPECT_EQ(found.out, "box/\n");
    const Ended missing = Ctl({"lookup", "inline:{a=b}", "c"});
    EXPECT_EQ(missing.status, kNotFound);
    EXPECT_EQ(missing.out, "");
}

TEST(CommandsTest, LookupReadsKeysFromStandardInput) {
    const Ended found = Ctl({"lookup", "inline:{a=b, c=d}", "-"}, "a\nx\nc\n");
    EXPECT_EQ(found.status, kSuccess);
    EXPECT_EQ(found.out, "a\tb\nc\td\n");
    EXPECT_EQ(Ctl({"lookup", "inline:{a=b}", "-"}, "x\n").status, kNotFound);
}

TEST(CommandsTest, LookupReportsATableThatCannotBeOpened) {
    const Ended unknown = Ctl({"lookup", "carrier-pigeon:/x", "a"});
    EXPECT_EQ(unknown.status, kBadConfiguration);
    EXPECT_THAT(unknown.err, HasSubstr("policyctl: "));
    EXPECT_EQ(Ctl({"lookup", "cidr:/no/such/file", "a"}).status, kBadConfiguration);
}

TEST(CommandsTest, AskReportsThatNobodyAnswers) {
    EXPECT_EQ(Ctl({"ask", "--server", "unix:/no/such/socket"}).status, kServerAway);
}

TEST(CommandsTest, ConfigPrintsTheDocumentsOfTheTable) {
    EXPECT_EQ(Ctl({"config", "sample"}).out, config::SampleFile());
    EXPECT_EQ(Ctl({"config", "reference"}).out, config::MarkdownReference());
    EXPECT_EQ(Ctl({"config", "man"}).out, config::ManualPage());
}

TEST(CommandsTest, ConfigShowsWhatIsInForce) {
    const test::ScratchDirectory scratch;
    const std::string path = scratch.Write("policyd.toml", "workers = 3\n");
    const Ended shown = Ctl({"config", "show", "--config", path});
    EXPECT_EQ(shown.status, kSuccess);
    EXPECT_THAT(shown.out, HasSubstr("workers = 3\n"));
    EXPECT_THAT(shown.out, HasSubstr("myorigin = \"localhost\"\n"));
}

TEST(CommandsTest, CheckConfigReportsEveryTableProblemWithItsPlace) {
    const test::ScratchDirectory scratch;
    const std::string path = scratch.Write("policyd.toml",
                                           "virtual_alias_maps = [\"inline:{a=b}\",\n"
                                           "    \"pigeon:x\"]\n"
                                           "transport_maps = \"word\"\n"
                                           "mydestination = [\"example.com\", \"/no/such/list\"]\n"
                                           "usage_store = \"sqlite:/no/such/dir/usage\"\n");
    const Ended checked = Ctl({"check-config", "--config", path});
    EXPECT_EQ(checked.status, kBadConfiguration);
    EXPECT_THAT(checked.out, HasSubstr("error: " + path + ":1: virtual_alias_maps: "));
    EXPECT_THAT(checked.out, HasSubstr("error: " + path + ":3: transport_maps: "));
    EXPECT_THAT(checked.out, HasSubstr("error: " + path + ":4: mydestination: "));
    EXPECT_THAT(checked.out, HasSubstr(path + ":5: usage_store: /no/such/dir: No such file"));
    EXPECT_THAT(checked.out, HasSubstr("3 errors, 1 back end unreachable, 0 warnings\n"));
}

TEST(CommandsTest, AUsageStoreWhereWeMayNotLookCannotBeReached) {
    const test::ScratchDirectory scratch;
    const std::string private_file = scratch.Write("private/directory/usage.sqlite", "");
    std::filesystem::permissions(scratch / "private", std::filesystem::perms::owner_all);
    const std::string path =
        scratch.Write("policyd.toml", "usage_store = \"sqlite:" + private_file + "\"\n");
    const test::Unprivileged nobody;
    const Ended checked = Ctl({"check-config", "--config", path});
    EXPECT_EQ(checked.status, kTemporaryFailure);
    EXPECT_THAT(checked.out, HasSubstr("usage_store: " + (scratch / "private").string() +
                                       "/directory: Permission denied"));
}

TEST(CommandsTest, CheckConfigIsContentWithASoundConfiguration) {
    const test::ScratchDirectory scratch;
    const std::string path = scratch.Write("policyd.toml",
                                           "virtual_alias_maps = \"inline:{a=b}\"\n"
                                           "usage_store = \"sqlite:" +
                                               (scratch / "usage.sqlite").string() + "\"\n");
    const Ended checked = Ctl({"check-config", "--config", path});
    EXPECT_EQ(checked.status, kSuccess) << checked.out;
    EXPECT_EQ(checked.out, "0 errors, 0 back ends unreachable, 0 warnings\n");
}

}  // namespace
}  // namespace policyd::ctl
