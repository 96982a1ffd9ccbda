#include "common/tables/list_parts.hpp"

#include <gmock/gmock.h>

#include "common/config/config_error.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {
namespace {

using Matching = DomainMatching;
using testing::HasSubstr;

class ListPartsTest : public testing::Test {
protected:
    const WarningSink warn_ = [this](const std::string& text) { warnings_.push_back(text); };
    std::vector<std::string> warnings_;
    test::ScratchDirectory scratch_;
};

TEST_F(ListPartsTest, WordsAreOnePartAndTablesAndFilesOneEach) {
    const ListParts parts = ReadList("mydestination", "a, !B inline:{a = b c} !/file c", warn_);
    ASSERT_EQ(parts.size(), 4u);
    EXPECT_EQ(parts[0].words->Find("b", Matching::kExact), false);
    EXPECT_EQ(parts[1].name, "inline:{a = b c}");
    EXPECT_TRUE(parts[1].included);
    EXPECT_EQ(parts[2].name, "/file");
    EXPECT_FALSE(parts[2].included);
    EXPECT_EQ(parts[3].words->Find("c", Matching::kExact), true);
    EXPECT_EQ(parts[3].words->Find("a", Matching::kExact), std::nullopt);
}

TEST_F(ListPartsTest, TheFirstWordThatMatchesDecides) {
    ListWords words;
    words.Add("!", true);  // no word that any domain is
    words.Add("b.example", false);
    words.Add("example", true);
    words.Add("c.b.example", true);
    words.Add("b.example", true);
    EXPECT_EQ(words.Find("c.b.example", Matching::kSubdomains), false);
    EXPECT_EQ(words.Find("c.b.example", Matching::kExact), true);
    EXPECT_EQ(words.Find("b.example", Matching::kExact), false);
    EXPECT_EQ(words.Find("a.example", Matching::kSubdomains), true);
    EXPECT_EQ(words.Find("a.example", Matching::kDotSubdomains), std::nullopt);
    EXPECT_EQ(words.Find("xexample", Matching::kSubdomains), std::nullopt);
    EXPECT_EQ(words.Find("", Matching::kSubdomains), std::nullopt);
}

TEST_F(ListPartsTest, AWordWithADotInFrontStandsForWhatIsBelow) {
    ListWords words;
    words.Add(".example", true);
    EXPECT_EQ(words.Find("a.b.example", Matching::kDotSubdomains), true);
    EXPECT_EQ(words.Find("example", Matching::kDotSubdomains), std::nullopt);
    EXPECT_EQ(words.Find(".example", Matching::kDotSubdomains), true);
    EXPECT_EQ(words.Find("a.example", Matching::kSubdomains), std::nullopt);
    EXPECT_EQ(words.Find("a..example", Matching::kSubdomains), true);
}

TEST_F(ListPartsTest, SaysInWhichLineOfAFileSomethingIsWrong) {
    const std::string path = scratch_.Write("list", "a # b\n\nc !\n");
    try {
        ReadListFile(path, warn_);
        FAIL() << "no error";
    } catch (const config::ConfigError& error) {
        EXPECT_EQ(std::string(error.what()), path + ":3: nothing follows an exclamation mark");
    }
    EXPECT_THAT(warnings_, testing::ElementsAre(HasSubstr(path + ":1: ")));
}

}  // namespace
}  // namespace policyd::tables
