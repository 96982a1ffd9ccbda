#include "common/mail/mailbox_layout.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace policyd::mail {
namespace {

struct LayoutCase {
    const char* name;
    const char* pattern;
    const char* address;
    const char* directory;
};

const LayoutCase kLayoutCases[] = {
    {"HowTo", "%d/%u", "joe@example.com", "example.com/joe"},
    {"CatchAllIsTheDomainDirectory", "%d/%u", "@example.com", "example.com"},
    {"MaildirBelowHome", "%d/%u/Maildir", "joe@example.com", "example.com/joe/Maildir"},
    {"UserNamedMaildir", "%d/%u/Maildir", "Maildir@example.com", "example.com/Maildir/Maildir"},
    {"CatchAllWithMaildir", "%d/%u/Maildir", "@example.com", "example.com/Maildir"},
    {"HashedByFirstLetter", "%d/%1u/%u", "joe@example.com", "example.com/j/joe"},
    {"HashedUserOfOneLetter", "%d/%2u/%u", "j@example.com", "example.com/j/j"},
    {"HashedCatchAll", "%d/%1u/%u", "@example.com", "example.com"},
    {"HashedTwice", "%1d/%d/%1u/%1.1u/%u", "joe@example.com", "e/example.com/j/o/joe"},
    {"HashedTwiceWithAShortUser", "%d/%1u/%1.1u_/%u", "j@example.com", "example.com/j/_/j"},
    {"HashedTwiceWithAUserOfOneLetter", "%d/%1u/%1.1u/%u", "j@example.com", "example.com/j/j"},
    {"HashedThriceWithAUserOfTwoLetters", "%d/%1n/%1.1n/%2.1n/%n", "jo@example.com",
     "example.com/j/o/jo"},
    {"HashedByTheLastLetters", "%-2.2d/%d/%-1.1u/%u", "joe@example.com", "om/example.com/e/joe"},
    {"HashedByTheLastLettersOfAShortUser", "%d/%-3.2u/%u", "jo@example.com", "example.com/jo/jo"},
    {"DovecotHome", "%d/%n/Maildir", "joe@example.com", "example.com/joe/Maildir"},
    {"DovecotInLowerCase", "%Ld/%1Ln/%Ln", "joe@example.com", "example.com/j/joe"},
    {"WholeAddress", "%u@%d", "joe@example.com", "joe@example.com"},
    {"AddressWithinItsDomain", "%d/%u@%d", "joe@example.com", "example.com/joe@example.com"},
    {"CatchAllWithinItsDomain", "%d/%u@%d", "@example.com", "example.com/@example.com"},
    {"WholeAddressWithAnAtInside", "%u@%d", "j@e@example.com", "j@e@example.com"},
    {"Literals", "mail/%d/u-%u/%%store", "joe@example.com", "mail/example.com/u-joe/%store"},
    {"AnotherNameForTheUser", "%d/%n", "joe@example.com", "example.com/joe"},
    {"BytesAsTheyAre", "%d/%u", "Jos\xc3\xa9 \xff\"@EXAMPLE.com", "EXAMPLE.com/Jos\xc3\xa9 \xff\""},
    {"AtInTheLocalPart", "%d/%u", "a@b@example.com", "example.com/a@b"},
    {"DotFirst", "%d/%u", ".joe@example.com", "example.com/.joe"},
};

class MailboxLayoutTest : public testing::TestWithParam<LayoutCase> {};

TEST_P(MailboxLayoutTest, MapsAddressToDirectory) {
    EXPECT_EQ(MailboxLayout(GetParam().pattern).DirectoryOf(GetParam().address),
              GetParam().directory);
}

TEST_P(MailboxLayoutTest, MapsDirectoryToAddress) {
    EXPECT_EQ(MailboxLayout(GetParam().pattern).AddressOf(GetParam().directory),
              GetParam().address);
}

INSTANTIATE_TEST_SUITE_P(Layouts, MailboxLayoutTest, testing::ValuesIn(kLayoutCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(MailboxLayoutDirectoryOfTest, RefusesWhatCannotBeADirectory) {
    const MailboxLayout layout("%d/%u");
    EXPECT_EQ(layout.DirectoryOf("up/../joe@example.com"), std::nullopt);
    EXPECT_EQ(layout.DirectoryOf("..@example.com"), std::nullopt);
    EXPECT_EQ(layout.DirectoryOf(".@example.com"), std::nullopt);
    EXPECT_EQ(layout.DirectoryOf("joe@.."), std::nullopt);
    EXPECT_EQ(layout.DirectoryOf(std::string_view("jo\0e@example.com", 16)), std::nullopt);
}

TEST(MailboxLayoutDirectoryOfTest, RefusesWhatIsNoAddress) {
    const MailboxLayout layout("%d/%u");
    EXPECT_EQ(layout.DirectoryOf("joe"), std::nullopt);
    EXPECT_EQ(layout.DirectoryOf("joe@"), std::nullopt);
    EXPECT_EQ(layout.DirectoryOf(""), std::nullopt);
}

TEST(MailboxLayoutLowerCaseTest, FindsTheDirectoryOfAnyCaseAndNamesTheMailboxInLowerCase) {
    const MailboxLayout layout("%Ld/%1Lu/%Lu");
    EXPECT_EQ(layout.DirectoryOf("Joe@Example.COM"), "example.com/j/joe");
    EXPECT_EQ(layout.AddressOf("example.com/j/joe"), "joe@example.com");
    EXPECT_EQ(layout.AddressOf("Example.COM/j/joe"), std::nullopt);
    EXPECT_EQ(layout.AddressOf("example.com/j/Joe"), std::nullopt);
    EXPECT_EQ(MailboxLayout("%Ld/%u").DirectoryOf("Joe@Example.COM"), "example.com/Joe");
}

TEST(MailboxLayoutBothWaysTest, EveryAddressIsFoundAgainFromItsDirectory) {
    const char* const patterns[] = {"%d/%u",
                                    "%d/%u/Maildir",
                                    "%u@%d",
                                    "%d/%1u/%u",
                                    "%d/%1u/%1.1u/%u",
                                    "%d/%1n/%1.1n/%2.1n/%n/Maildir",
                                    "%1d/%1.1d/%d/%2u/%u",
                                    "%-2.2d/%d/%-1.1u/%u",
                                    "%d/%2u-%u",
                                    "%3.3u%2u_%u/%d",
                                    "vmail/%d/users/%u"};
    const char* const users[] = {"", "j", "jo", "joe", "j.o-e+x", "JOE", "a@b", "Maildir", "cur"};
    for (const char* pattern : patterns) {
        const MailboxLayout layout(pattern);
        for (const char* user : users) {
            for (const char* domain : {"example.com", "x.y", "a-b.example"}) {
                const std::string address = std::string(user) + '@' + domain;
                const auto directory = layout.DirectoryOf(address);
                ASSERT_TRUE(directory) << pattern << ' ' << address;
                EXPECT_EQ(layout.AddressOf(*directory), address) << pattern << ' ' << *directory;
            }
        }
    }
}

TEST(MailboxLayoutAddressOfTest, KnowsWhichDirectoriesAreNoMailboxes) {
    EXPECT_EQ(MailboxLayout("%d/%u").AddressOf("example.com/joe/deeper"), std::nullopt);
    EXPECT_EQ(MailboxLayout("%d/%u").AddressOf(""), std::nullopt);
    EXPECT_EQ(MailboxLayout("%d/%u/Maildir").AddressOf("example.com/joe/mail"), std::nullopt);
    EXPECT_EQ(MailboxLayout("%d/%1u/%u").AddressOf("example.com/x/joe"), std::nullopt);
    EXPECT_EQ(MailboxLayout("%d/%1u/%u").AddressOf("example.com/j"), std::nullopt);
    EXPECT_EQ(MailboxLayout("mail/%d/%u").AddressOf("post/example.com/joe"), std::nullopt);
    EXPECT_EQ(MailboxLayout("%u@%d").AddressOf("example.com"), std::nullopt);
    EXPECT_EQ(MailboxLayout("%d/%2u-%u").AddressOf("example.com/x-joe"), std::nullopt);
}

TEST(MailboxLayoutPatternTest, MustTellTheWholeAddress) {
    for (const char* pattern : {"",
                                "%d",
                                "%u",
                                "%d/%1u",
                                "%1d/%u",
                                "/%d/%u",
                                "%d//%u",
                                "%d/%u/",
                                "%d/%u/..",
                                "%d/%x/%u",
                                "%d/%u/%",
                                "%d/%0u/%u",
                                "%d/%02u/%u",
                                "%d/%1.02u/%u",
                                "%d/%-2.01u/%u",
                                "%d/%1.u/%u",
                                "%d/%99999999999999999999u/%u",
                                "%d/%1%/%u",
                                "%u%d",
                                "%u.%d",
                                "%d-%u",
                                "@%u.%d",
                                "%d/%d.%u@%d",
                                "%u.%u/%d",
                                "%u@%d/%u=%d",
                                "%d/%u%1u",
                                "%d/%-1u/%u",
                                "%d/%-u",
                                "%d/%1LLu/%u",
                                "%h/%d/%u",
                                "%d/%Mu/%u",
                                "%d/%2.256Nu/%u",
                                "%d/%1u/%2u/%3u/%4u/%5u/%6u/%u"}) {
        EXPECT_THROW(MailboxLayout{pattern}, std::invalid_argument) << pattern;
    }
}

TEST(MailboxLayoutPatternTest, MayHoldWhatNamesHoldToo) {
    for (const char* pattern : {"%d@%u", "%d.x/%u", "%u.x/%d"}) {
        const MailboxLayout layout(pattern);
        for (const char* address : {"ann@example.com", "a.b@a.x.com"}) {
            const auto directory = layout.DirectoryOf(address);
            ASSERT_TRUE(directory.has_value()) << pattern;
            EXPECT_EQ(layout.AddressOf(*directory), address) << pattern;
        }
    }
    EXPECT_EQ(MailboxLayout("%d@%u").AddressOf("example.com@a@b"), "a@b@example.com");
}

TEST(MailboxLayoutPatternTest, SaysThatAWidthIsNotPadded) {
    try {
        MailboxLayout{"%d/%02u/%u"};
        FAIL();
    } catch (const std::invalid_argument& mistake) {
        EXPECT_NE(std::string(mistake.what()).find("%2n, not %02n"), std::string::npos);
    }
    EXPECT_EQ(MailboxLayout("%d/%00.1u/%u").DirectoryOf("ann@example.com"), "example.com/a/ann");
}

TEST(MailboxLayoutPatternTest, KnowsHowDeepMailboxesLie) {
    EXPECT_EQ(MailboxLayout("%d/%u").Depth(), 2u);
    EXPECT_EQ(MailboxLayout("%d/%1u/%u/Maildir").Depth(), 4u);
}

TEST(MailboxLayoutPatternTest, TellsWhatMailboxesMayLieBelow) {
    const MailboxLayout layout("vmail1/%d/mail/%1u/%u");
    for (const char* directory :
         {"vmail1", "vmail1/a.test", "vmail1/a.test/mail", "vmail1/a.test/mail/x"})
        EXPECT_TRUE(layout.MayLeadToMailboxes(directory)) << directory;
    for (const char* directory : {"vmail2", "vmail", "vmail1/a.test/backup", "backup/a.test/mail",
                                  "vmail1/a.test/mail/x/xavier"})
        EXPECT_FALSE(layout.MayLeadToMailboxes(directory)) << directory;
    EXPECT_TRUE(MailboxLayout("%d/x%u").MayLeadToMailboxes("anything"));
}

TEST(DirectoryWithinBaseTest, FollowsThePathAsTheFileSystemWould) {
    EXPECT_EQ(DirectoryWithinBase("example.com/joe/"), "example.com/joe");
    EXPECT_EQ(DirectoryWithinBase("example.com//"), "example.com");
    EXPECT_EQ(DirectoryWithinBase("example.com/up/../joe/"), "example.com/joe");
    EXPECT_EQ(DirectoryWithinBase("./example.com/./joe"), "example.com/joe");
    EXPECT_EQ(DirectoryWithinBase("/example.com/joe/"), "example.com/joe");
    EXPECT_EQ(DirectoryWithinBase("a/.."), "");
}

TEST(DirectoryWithinBaseTest, RefusesToLeaveTheBase) {
    EXPECT_EQ(DirectoryWithinBase("../joe/"), std::nullopt);
    EXPECT_EQ(DirectoryWithinBase("example.com/../../joe/"), std::nullopt);
    EXPECT_EQ(DirectoryWithinBase("example.com/../../vmail/joe/"), std::nullopt);
}

}  // namespace
}  // namespace policyd::mail
