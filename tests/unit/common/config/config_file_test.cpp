#include "common/config/config_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/scratch_directory.hpp"
#include "tests/support/unprivileged.hpp"

namespace policyd::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string ErrorsIn(const std::string& text) {
    try {
        ParseConfig(text, "policyd.toml");
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

TEST(ConfigErrorTest, BeginsWithFileAndLine) {
    EXPECT_STREQ(ConfigError("a.cf", 7, "no").what(), "a.cf:7: no");
    EXPECT_STREQ(ConfigError("a.cf", 0, "no").what(), "a.cf: no");
}

TEST(ConfigFileTest, TakesValuesInTheTypesOfToml) {
    const ConfigFile file = ParseConfig(
        "# a comment\n"
        "workers = 2\n"
        "swap_bangpath = false\n"
        "request_time_limit = \"1s\"\n"
        "virtual_mailbox_domains = [ \"inline:{ a.example=1 }\",\n"
        "  \"b.example\" ]\n",
        "policyd.toml");
    EXPECT_EQ(file.settings.workers, 2u);
    EXPECT_FALSE(file.settings.swap_bangpath);
    EXPECT_EQ(file.settings.request_time_limit, std::chrono::seconds(1));
    EXPECT_THAT(file.settings.virtual_mailbox_domains,
                ElementsAre("inline:{ a.example=1 }", "b.example"));
    EXPECT_EQ(file.LineOf("virtual_mailbox_domains"), 5u);
    EXPECT_EQ(file.LineOf("listen"), 0u);
}

TEST(ConfigFileTest, ReportsEveryMistakeInTheOrderOfTheFile) {
    EXPECT_EQ(ErrorsIn("wrokers = 2\n"
                       "log_level = \"loud\"\n"
                       "swap_bangpath = 2024-01-01\n"
                       "colour = \"red\"\n"),
              "policyd.toml:1: wrokers: unknown option (did you mean workers?)\n"
              "policyd.toml:2: log_level: expected debug, info, warning or error, found \"loud\"\n"
              "policyd.toml:3: swap_bangpath: expected true or false\n"
              "policyd.toml:4: colour: unknown option");
}

TEST(ConfigFileTest, SaysWhatAListIsOf) {
    EXPECT_EQ(ErrorsIn("quota_warnings = [80, 95]\n"), "");
    EXPECT_EQ(ErrorsIn("quota_warnings = 80\n"),
              "policyd.toml:1: quota_warnings: expected a list of numbers from 1 to 100 in "
              "brackets, found 80");
    EXPECT_EQ(ErrorsIn("listen = true\n"),
              "policyd.toml:1: listen: expected a list of texts in brackets, found true");
}

TEST(ConfigFileTest, ReportsWhatIsNotToml) {
    EXPECT_THAT(ErrorsIn("workers = 2\nlisten = unix:/run/x\n"), HasSubstr("policyd.toml:2: "));
    EXPECT_THAT(ErrorsIn("workers = 2\nworkers = 3\n"), HasSubstr("policyd.toml:2: "));
}

TEST(ConfigFileTest, TellsHowAListOverSeveralLinesIsWritten) {
    EXPECT_THAT(
        ErrorsIn("relay_domains = \"a.example,\n  b.example\"\n"),
        HasSubstr("(a value over several lines is an array, [\"...\", \"...\"], or stands in "
                  "\"\"\")"));
    EXPECT_EQ(ErrorsIn("relay_domains = \"\"\"\na.example,\n  b.example\"\"\"\n"), "");
    EXPECT_THAT(ErrorsIn("relay_domains = \"\"\"\na.example,\n# ours\n  b.example\"\"\"\n"),
                HasSubstr("policyd.toml:1: relay_domains: expected no comment, which is a part of "
                          "the text in quotes: put the list into brackets, and comments between "
                          "its texts"));
}

TEST(ConfigFileTest, ShowsWhatNobodySeesInTheNameOfAnOption) {
    EXPECT_EQ(ErrorsIn("\"log\u00a0level\" = \"info\"\n"),
              "policyd.toml:1: log\\xc2\\xa0level: unknown option (did you mean log_level?)");
}

TEST(ConfigFileTest, TakesAByteOrderMark) {
    EXPECT_EQ(ErrorsIn("\ufeffrelay_domains = \"a.example\"\n"), "");
    EXPECT_EQ(ErrorsIn("\ufeff# ours\nrelay_domains = \"a.example\"\n"), "");
}

TEST(ConfigFileTest, RefusesSections) {
    EXPECT_EQ(ErrorsIn("[service]\nworkers = 2\n"),
              "policyd.toml:1: [service]: options stand without sections");
}

TEST(ConfigFileTest, LooksForTableFilesUnderTheNamesThatAreMeant) {
    const test::ScratchDirectory scratch;
    const std::filesystem::path present = scratch.Write("example.com", "");
    const std::string named = present.parent_path() / "$mydomain";
    const std::string maps = "virtual_mailbox_maps = \"texthash:" + named + "\"\n";
    EXPECT_EQ(ErrorsIn(maps + "mydomain = \"example.com\"\n"), "");
    EXPECT_THAT(ErrorsIn(maps + "mydomain = \"example.net\"\n"),
                testing::HasSubstr("/example.net: No such file or directory"));
}

TEST(ConfigFileTest, ReportsBracesThatDoNotMatchInAList) {
    EXPECT_EQ(ErrorsIn("\nvirtual_mailbox_domains = [\"inline:{example.com=x\"]\n"),
              "policyd.toml:2: virtual_mailbox_domains: expected a list whose braces match");
    EXPECT_EQ(ErrorsIn("client_access_maps = [\"}\"]\n"),
              "policyd.toml:1: client_access_maps: expected a list whose braces match");
}

TEST(ConfigFileTest, ReportsATableWhoseFileIsMissingWithTheOneThatWasMeant) {
    const test::ScratchDirectory scratch;
    const std::string present = scratch.Write("users.cf", "");
    const std::string missing = scratch / "uesrs.cf";
    EXPECT_EQ(ErrorsIn("virtual_mailbox_maps = \"proxy:mysql:" + present + "\"\n"), "");
    EXPECT_EQ(ErrorsIn("\nvirtual_mailbox_maps = \"proxy:mysql:" + missing + "\"\n"),
              "policyd.toml:2: virtual_mailbox_maps: " + missing +
                  ": No such file or directory (did you mean " + present + "?)");
}

TEST(ConfigFileTest, LeavesATypeOfTableThatIsNotKnownToWhoOpensIt) {
    for (const char* type : {"ldap", "pgsql", "proxy:ldap"})
        EXPECT_EQ(ErrorsIn("virtual_alias_maps = \"" + std::string(type) + ":/none\"\n"), "");
}

TEST(ConfigFileTest, ReportsAFileThatCannotBeRead) {
    const test::ScratchDirectory scratch;
    EXPECT_THROW(ReadConfigFile(scratch / "none.toml"), ConfigError);
    EXPECT_THROW(ReadConfigFile(scratch.Path()), ConfigError);
    const std::string path = scratch.Write("private/policyd.toml", "");
    std::filesystem::permissions(scratch / "private", std::filesystem::perms::owner_all);
    const test::Unprivileged nobody;
    try {
        ReadConfigFile(path);
        FAIL() << "expected an error";
    } catch (const ConfigError& error) {
        EXPECT_EQ(error.what(), path + ": Permission denied");
    }
}

TEST(ConfigFileTest, RefusesAFileThatWasEmptied) {
    const test::ScratchDirectory scratch;
    for (const char* text : {"", "\n", "# all that a full disk has left\n"}) {
        const std::string path = scratch.Write("policyd.toml", text);
        EXPECT_THROW(ReadConfigFile(path), ConfigError) << text;
    }
}

TEST(ConfigFileTest, RefusesAPasswordFileThatOthersMayRead) {
    const test::ScratchDirectory scratch;
    const std::filesystem::path secret = scratch.Write("redis.secret", "toto\n");
    const std::string line = "redis_password_file = \"" + secret.string() + "\"\n";
    std::filesystem::permissions(secret, std::filesystem::perms(0644));
    EXPECT_THAT(ErrorsIn(line), HasSubstr("a file that others may not read (chmod 640)"));
    std::filesystem::permissions(secret, std::filesystem::perms(0640));
    EXPECT_EQ(ErrorsIn(line), "");
}

TEST(ConfigFileTest, RefusesInterfacesLayoutsAndTimesThatWouldDoNothing) {
    EXPECT_EQ(ErrorsIn("inet_interfaces = [\"127.0.0.1\", \"[::1]\"]\n"), "");
    for (const char* none : {"all", "localhost", "127.0.0.1/8"})
        EXPECT_THAT(ErrorsIn("inet_interfaces = \"" + std::string(none) + "\"\n"),
                    HasSubstr("expected IP addresses"));
    EXPECT_THAT(ErrorsIn("mailbox_layout = \".x/%d/%u\"\n"), HasSubstr("begins with no dot"));
    EXPECT_EQ(ErrorsIn("mailbox_layout = \"%d/.%u\"\n"), "");
    for (const char* layout : {"maildir:/home/vmail/%d/%n", "maildir:%d/%n", "mdbox:%d/%n"})
        EXPECT_THAT(ErrorsIn("mailbox_layout = \"" + std::string(layout) + "\"\n"),
                    HasSubstr("expected a path below virtual_mailbox_base such as %d/%u, without "
                              "the \"m"));
    EXPECT_THAT(ErrorsIn("scan_settle_time = \"1h\"\n"), HasSubstr("at most 1m"));
    EXPECT_THAT(ErrorsIn("mailbox_full_action = \"REDIRECT joe\"\n"),
                HasSubstr("REDIRECT with user@domain"));
    EXPECT_THAT(ErrorsIn("mailbox_full_defer_action = \"DEFER_IF_REJECT x\"\n"),
                HasSubstr("expected DUNNO"));
}

TEST(LoadConfigFileTest, ExpandsTheNamesOfOtherOptions) {
    const test::ScratchDirectory scratch;
    const auto path = scratch.Write("policyd.toml",
                                    "myhostname = \"mx.example.com\"\n"
                                    "mydomain = \"example.com\"\n"
                                    "relay_domains = [\"$mydestination\", \"a$$b\"]\n");
    const Settings settings = LoadConfigFile(path);
    EXPECT_EQ(settings.myorigin, "mx.example.com");
    EXPECT_THAT(settings.mydestination,
                ElementsAre("mx.example.com", "localhost.example.com", "localhost"));
    EXPECT_THAT(settings.relay_domains,
                ElementsAre("mx.example.com, localhost.example.com, localhost", "a$b"));
}

TEST(LoadConfigFileTest, RefusesNamesThatLeadNowhereOrToThemselves) {
    EXPECT_EQ(ErrorsIn("\nmyorigin = \"$myhotsname\"\n"),
              "policyd.toml:2: myorigin: $myhotsname is not a text option of the mail system; "
              "write $$ for a dollar sign");
    EXPECT_THAT(ErrorsIn("mydomain = \"${myhostname}\"\nmyhostname = \"x.$mydomain\"\n"),
                HasSubstr("a value that leads to itself"));
}

}  // namespace
}  // namespace policyd::config
