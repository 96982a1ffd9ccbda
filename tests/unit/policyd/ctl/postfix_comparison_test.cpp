#include "policyd/ctl/postfix_comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/scratch_directory.hpp"

namespace policyd::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

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

TEST(PostfixComparisonTest, AdvisesDollarSignsAsTheyAreToBeWritten) {
    const std::string theirs = "pcre:{ {/^a$/ $1} }";  // as postconf -x shows it
    const std::string warning = WarningsFor("", {{"virtual_alias_maps", theirs}});
    const std::string advice = "set virtual_alias_maps = ";
    ASSERT_THAT(warning, HasSubstr(advice + "[\"pcre:{ {/^a$$/ $$1} }\"]"));
    const std::string advised = warning.substr(warning.find(advice) + 4);
    EXPECT_EQ(WarningsFor(advised, {{"virtual_alias_maps", theirs}}), "");
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
        WarningsFor("", {{"virtual_alias_maps", "inline:{a=b}, ldap:/etc/postfix/x"}});
    EXPECT_NE(warning.find("main.cf has [\"ldap:/etc/postfix/x\"]"), std::string::npos) << warning;
    EXPECT_EQ(warning.find("set virtual_alias_maps"), std::string::npos) << warning;
    EXPECT_EQ(WarningsFor("virtual_alias_maps = \"inline:{a=b}\"\n",
                          {{"virtual_alias_maps", "inline:{a=b}, ldap:/etc/postfix/x"}})
                  .find("set virtual_alias_maps"),
              std::string::npos);
    EXPECT_EQ(WarningsFor("relay_domains = [\"!hash:/dev/null\", \"a.example\"]\n",
                          {{"relay_domains", "!hash:/dev/null, a.example"}}),
              "");
}

// They exist for Postfix.
TEST(PostfixComparisonTest, WhoStandsOnlyInATableThatDoesNotExistHereIsRefusedForGood) {
    const std::string mailboxes =
        "virtual_mailbox_domains = \"b.example\"\n"
        "virtual_mailbox_maps = \"inline:{a@b.example=b.example/a/}\"\n";
    const std::map<std::string, std::string> main_cf = {
        {"virtual_alias_maps", "ldap:/etc/postfix/x"}};
    const std::string refuses =
        "policyd.toml: virtual_alias_maps: main.cf has [\"ldap:/etc/postfix/x\"]: there are no "
        "such "
        "tables here, and whoever stands only in them is refused for good: have these recipients "
        "in a table of another type as well, or set unknown_recipient_action = \"DUNNO\"\n";
    EXPECT_EQ(WarningsFor(mailboxes, main_cf), "error: " + refuses);
    for (const char* option :
         {"unknown_recipient_action = \"DUNNO\"\n", "checks = \"mailbox_quota\"\n",
          "unknown_recipient_action = \"450 4.1.1 User unknown\"\n", "dry_run = \"recipient\"\n"})
        EXPECT_THAT(WarningsFor(mailboxes + option, main_cf),
                    AllOf(StartsWith("warning: "), HasSubstr("what they say is not followed")))
            << option;
    EXPECT_THAT(
        WarningsFor(mailboxes + "virtual_alias_maps = \"inline:{c@b.example=d@b.example}\"\n",
                    main_cf),
        StartsWith("warning: "))
        << "what stands for them here";
    EXPECT_THAT(WarningsFor("", main_cf), StartsWith("warning: ")) << "nobody is unknown";
    EXPECT_THAT(WarningsFor(mailboxes, {{"transport_maps", "pgsql:/x"}}), StartsWith("warning: "));
    for (const char* name :
         {"virtual_mailbox_maps", "relay_recipient_maps", "local_recipient_maps"}) {
        const std::string ours = std::string(name) + " = \"inline:{a=b}\"\n";
        EXPECT_THAT(WarningsFor(ours, {{name, "inline:{a=b} unionmap:{inline:{c=d},static:e}"}}),
                    StartsWith("error: "))
            << name;
        EXPECT_THAT(WarningsFor("", {{name, "static:all"}}), Not(HasSubstr("error: "))) << name;
    }
}

}  // namespace
}  // namespace policyd::ctl
