#include "common/tables/domain_list.hpp"

#include <gmock/gmock.h>

#include "common/config/config_error.hpp"
#include "tests/support/run_to_end.hpp"
#include "tests/support/scratch_directory.hpp"
#include "tests/unit/common/tables/fake_table.hpp"

namespace policyd::tables {
namespace {

using Matching = DomainList::Matching;

class DomainListTest : public testing::Test {
protected:
    DomainList Open(const std::vector<std::string>& lists, Matching matching) {
        const auto open_table = [this](std::string_view) -> LookupTable& { return table; };
        const WarningSink warn = [this](const std::string& text) { warnings.push_back(text); };
        const auto open_file = [&warn](const std::string& path) {
            return std::make_shared<const ListParts>(ReadListFile(path, warn));
        };
        return DomainList("mydestination", lists, matching, open_table, open_file, warn);
    }
    bool Contains(const std::string& list, std::string_view domain,
                  Matching matching = Matching::kExact) {
        const DomainList domains = Open({list}, matching);
        return test::RunToEnd(domains.Contains(domain));
    }

    FakeTable table{{"example.com", ""}, {".example.org", "x"}};
    std::vector<std::string> warnings;
};

TEST_F(DomainListTest, MatchesWordsWhateverTheirCase) {
    EXPECT_TRUE(Contains("a.example, EXAMPLE.com", "Example.COM"));
    EXPECT_FALSE(Contains("a.example", "x.a.example"));
    EXPECT_FALSE(Contains("", "a.example"));
}

TEST_F(DomainListTest, MatchesSubdomainsAsTheListIsDefined) {
    EXPECT_TRUE(Contains("example.com", "x.example.com", Matching::kSubdomains));
    EXPECT_FALSE(Contains("example.com", "xexample.com", Matching::kSubdomains));
    EXPECT_TRUE(Contains("example.com", ".example.com", Matching::kSubdomains));
    EXPECT_FALSE(Contains("example.com", "x.example.com", Matching::kDotSubdomains));
    EXPECT_TRUE(Contains(".example.com", "x.example.com", Matching::kDotSubdomains));
    EXPECT_FALSE(Contains(".example.com", "x.example.com", Matching::kExact));
}

TEST_F(DomainListTest, TheFirstElementThatMatchesDecides) {
    EXPECT_FALSE(Contains("!x.example.com example.com", "x.example.com", Matching::kSubdomains));
    EXPECT_TRUE(Contains("!x.example.com example.com", "y.example.com", Matching::kSubdomains));
    EXPECT_TRUE(Contains("!!a.example", "a.example"));
}

TEST_F(DomainListTest, AnyValueInATableWillDo) {
    EXPECT_TRUE(Contains("proxy:fake:x", "Example.com"));
    EXPECT_FALSE(Contains("!fake:x example.com", "example.com"));
}

TEST_F(DomainListTest, SearchesParentsInATableWhereTheListDoes) {
    EXPECT_FALSE(Contains("fake:x", "a.b.example.com"));
    EXPECT_TRUE(Contains("fake:x", "a.b.example.com", Matching::kSubdomains));
    EXPECT_TRUE(Contains("fake:x", "a.b.example.org", Matching::kDotSubdomains));
    EXPECT_FALSE(Contains("fake:x", "a.b.example.com", Matching::kDotSubdomains));
    EXPECT_FALSE(Contains("fake:x", "a.b.example.org", Matching::kExact));

    table.asked.clear();
    table.takes_partial_keys = false;
    EXPECT_FALSE(Contains("fake:x", "a.b.example.com", Matching::kSubdomains));
    EXPECT_THAT(table.asked, testing::ElementsAre("a.b.example.com"));
}

TEST_F(DomainListTest, ATableThatCannotAnswerIsNeitherInNorOut) {
    table.broken = true;
    EXPECT_THROW(Contains("fake:x example.com", "example.com"), outage::TableUnavailable);
    EXPECT_TRUE(Contains("example.com fake:x", "example.com"));
}

TEST_F(DomainListTest, ReadsFilesInPlaceAndNegatesThemAsAWhole) {
    const test::ScratchDirectory scratch;
    const std::string path = scratch.Write("domains", "# ours\na.example b.example\n !c.example\n");

    EXPECT_TRUE(Contains(path, "b.example"));
    EXPECT_FALSE(Contains("!" + path + " a.example", "a.example"));
    EXPECT_TRUE(Contains("!" + path, "c.example"));
    EXPECT_FALSE(Contains("fake:x !" + path + " a.example", "a.example")) << "behind a table too";
    EXPECT_TRUE(Contains("fake:x !" + path, "c.example"));
    EXPECT_THAT(warnings, testing::IsEmpty());
}

// A comment behind the domains of one line must not hide those of the next, though that begins with
// a blank.
TEST_F(DomainListTest, ReadsEachLineOfAFileByItself) {
    const test::ScratchDirectory scratch;
    const std::string path =
        scratch.Write("domains", "a.example # ours\n b.example\n\n  # more\nc.example");
    EXPECT_TRUE(Contains(path, "a.example"));
    EXPECT_TRUE(Contains(path, "b.example"));
    warnings.clear();  // each list is read anew
    EXPECT_TRUE(Contains(path, "c.example"));
    EXPECT_THAT(warnings, testing::SizeIs(2));
}

TEST_F(DomainListTest, ReadsALineOfAFileUpToAZeroByte) {
    const test::ScratchDirectory scratch;
    const std::string path =
        scratch.Write("domains", std::string_view("a.example\0junk\n\0b.example\nc.example\n", 36));
    EXPECT_TRUE(Contains(path, "a.example"));
    EXPECT_FALSE(Contains(path, "b.example"));
    EXPECT_TRUE(Contains(path, "c.example"));
}

TEST_F(DomainListTest, RefusesALonelyExclamationMarkAndAMissingFile) {
    EXPECT_THROW(Open({"a !"}, Matching::kExact), config::ConfigError);
    EXPECT_THROW(Open({"/nonexistent/file"}, Matching::kExact), config::ConfigError);
}

TEST_F(DomainListTest, RefusesAFileThatIsWithinItself) {
    const test::ScratchDirectory scratch;
    const std::string outer = (scratch / "outer").string();
    const std::string inner = scratch.Write("inner", "a.example !" + outer + "\n").string();
    scratch.Write("outer", inner + " b.example\n");
    EXPECT_THROW(Open({outer}, Matching::kExact), config::ConfigError);
    scratch.Write("outer", "b.example\n");
    EXPECT_FALSE(Contains(inner + " " + inner, "b.example")) << "twice one after the other";
}

TEST_F(DomainListTest, WarnsOfACommentAtTheEndOfALine) {
    EXPECT_FALSE(Contains("a.example # b.example", "b.example"));
    EXPECT_THAT(warnings, testing::ElementsAre(testing::StartsWith("mydestination: \"#\"")));
}

}  // namespace
}  // namespace policyd::tables
