#include "policyd/ctl/postfix_comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/scratch_directory.hpp"

namespace policyd::ctl {
namespace {

using testing::HasSubstr;

std::string WarningsFor(const std::string& policyd_toml,
                        std::map<std::string, std::string> main_cf) {
    std::ostringstream out;
    Report report(out);
    const PostfixSettings postfix{"/etc/postfix", std::move(main_cf), {}, {}};
    CompareWithPostfix(config::ParseConfig(policyd_toml, "policyd.toml"), postfix, report);
    return out.str();
}

TEST(PostfixComparisonTest, IsSilentWhereOnlyTheWritingDiffers) {
    EXPECT_EQ(WarningsFor("virtual_alias_maps = [\"cidr:/dev/null\", \"inline:{c=d}\"]\n"
                          "mydestination = \"b.example a.example\"\n"
                          "swap_bangpath = false\n",
                          {{"virtual_alias_maps", "proxy:cidr:/dev/null, inline:{c=d}"},
                           {"mydestination", "a.example, b.example"},
                           {"swap_bangpath", "no"},
                           {"virtual_alias_recursion_limit", "1000"},
                           {"message_size_limit", "not ours"}}),
              "");
}

TEST(PostfixComparisonTest, GivesTheLineThatWouldAgree) {
    EXPECT_EQ(WarningsFor("myhostname = \"mx.example.com\"\n"
                          "virtual_alias_maps = \"inline:{a=b}\"\n",
                          {{"myhostname", "mx.example.com"},
                           {"virtual_alias_maps", "inline:{c=d}, proxy:inline:{a=b}"}}),
              "warning: policyd.toml:2: virtual_alias_maps is [\"inline:{a=b}\"], but main.cf has "
              "another value: set virtual_alias_maps = [\"inline:{c=d}\", "
              "\"proxy:inline:{a=b}\"]\n");
}

TEST(PostfixComparisonTest, TellsATableInMemoryFromTheSameBehindProxymap) {
    EXPECT_NE(WarningsFor("virtual_alias_maps = \"inline:{a=b}\"\n",
                          {{"virtual_alias_maps", "proxy:inline:{a=b}"}}),
              "");
}

TEST(PostfixComparisonTest, DerivesMydomainFromMyhostnameAsPostfixDoes) {
    EXPECT_EQ(WarningsFor("myhostname = \"mx.example.com\"\n", {{"mydomain", "example.com"}}), "");
}

TEST(PostfixComparisonTest, TakesTheOrderOfTablesSeriously) {
    EXPECT_NE(WarningsFor("virtual_alias_maps = [\"inline:{a=b}\", \"inline:{c=d}\"]\n",
                          {{"virtual_alias_maps", "inline:{c=d} inline:{a=b}"}}),
              "");
}

TEST(PostfixComparisonTest, ReadsTheFileThatMyoriginNames) {
    const test::ScratchDirectory scratch;
    const std::string mailname = scratch.Write("mailname", "example.org\n");
    EXPECT_EQ(WarningsFor("myorigin = \"example.org\"\n", {{"myorigin", mailname}}), "");
}

TEST(PostfixComparisonTest, PassesOverWhatIsLeftToPostfixOnPurpose) {
    EXPECT_EQ(WarningsFor("", {{"inet_interfaces", "all"},
                               {"local_recipient_maps", "proxy:unix:passwd.byname"}}),
              "");
}

TEST(PostfixComparisonTest, AFrontEndNeedsMailboxesThatItsPostfixDoesNotKnow) {
    const std::string mailboxes = "virtual_mailbox_maps = \"inline:{a@b.example=b.example/a/}\"\n";
    std::map<std::string, std::string> front_end = {{"relay_domains", "b.example"},
                                                    {"virtual_mailbox_domains", ""},
                                                    {"virtual_mailbox_maps", ""},
                                                    {"virtual_mailbox_base", ""}};
    EXPECT_EQ(WarningsFor("relay_domains = \"b.example\"\n" + mailboxes, front_end), "");
    front_end["virtual_mailbox_maps"] = "inline:{c@b.example=b.example/c/}";
    EXPECT_THAT(WarningsFor("relay_domains = \"b.example\"\n" + mailboxes, front_end),
                HasSubstr("set virtual_mailbox_maps = [\"inline:{c@b.example=b.example/c/}\"]"));
    EXPECT_THAT(
        WarningsFor("virtual_mailbox_domains = \"b.example\"\n" + mailboxes,
                    {{"virtual_mailbox_domains", "b.example"}, {"virtual_mailbox_maps", ""}}),
        HasSubstr("set virtual_mailbox_maps = []"));
}

// Which keys are found in them is not the same.
TEST(PostfixComparisonTest, ACompiledTableIsAnotherThanTheTextThatItWasMadeOf) {
    const test::ScratchDirectory scratch;
    const std::string file = scratch.Write("aliases", "a@example.com b@example.com\n");
    for (const char* type : {"hash:", "btree:", "lmdb:"}) {
        EXPECT_EQ(WarningsFor("virtual_alias_maps = \"" + (type + file) + "\"\n",
                              {{"virtual_alias_maps", "proxy:" + (type + file)}}),
                  "")
            << type;
        EXPECT_NE(WarningsFor("virtual_alias_maps = \"texthash:" + file + "\"\n",
                              {{"virtual_alias_maps", type + file}})
                      .find("set virtual_alias_maps = [\"" + (type + file) + "\"]"),
                  std::string::npos);
    }
}

TEST(PostfixComparisonTest, AdvisesNoTableOfATypeThatDoesNotExistHere) {
    const std::string warning =
        WarningsFor("", {{"virtual_alias_maps", "inline:{a=b}, pcre:/etc/postfix/x"}});
    EXPECT_NE(warning.find("main.cf has [\"pcre:/etc/postfix/x\"]"), std::string::npos) << warning;
    EXPECT_EQ(warning.find("set virtual_alias_maps"), std::string::npos) << warning;
    EXPECT_EQ(WarningsFor("virtual_alias_maps = \"inline:{a=b}\"\n",
                          {{"virtual_alias_maps", "inline:{a=b}, pcre:/etc/postfix/x"}})
                  .find("set virtual_alias_maps"),
              std::string::npos);
    EXPECT_EQ(WarningsFor("relay_domains = [\"!hash:/dev/null\", \"a.example\"]\n",
                          {{"relay_domains", "!hash:/dev/null, a.example"}}),
              "");
}

}  // namespace
}  // namespace policyd::ctl
