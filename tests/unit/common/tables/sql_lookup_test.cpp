#include "common/tables/sql_lookup.hpp"

#include <gmock/gmock.h>

#include "common/config/config_error.hpp"
#include "common/outage/unavailable.hpp"
#include "tests/support/run_to_end.hpp"
#include "tests/support/scratch_directory.hpp"
#include "tests/unit/common/tables/fake_table.hpp"

namespace policyd::tables {
namespace {

class SqlLookupTest : public testing::Test {
protected:
    SqlLookup Read(const std::string& content) {
        const WarningSink warn = [](const std::string&) {};
        const auto open_table = [this](std::string_view) -> LookupTable& { return hosted; };
        const auto open_file = [&warn](const std::string& path) {
            return std::make_shared<const ListParts>(ReadListFile(path, warn));
        };
        const auto open = [&](const std::string& parameter, const std::string& list) {
            return DomainList(parameter, {list}, DomainList::Matching::kExact, open_table,
                              open_file, warn);
        };
        const TableFile file(scratch.Write("table.cf", content).string(), warn);
        return SqlLookup("sqlite:table.cf", file, open);
    }
    std::optional<std::string> Combine(const std::string& content,
                                       const SqlLookup::Values& values) {
        return Read(content).Combine(values, "joe@example.com");
    }
    std::optional<std::string> SearchKey(const std::string& content, std::string_view key) {
        const SqlLookup lookup = Read(content);
        return test::RunToEnd(lookup.SearchKey(key));
    }

    test::ScratchDirectory scratch;
    FakeTable hosted{{"example.com", ""}};
};

TEST_F(SqlLookupTest, JoinsValuesWithCommasAndLeavesOutNullAndEmptyOnes) {
    EXPECT_EQ(Combine("query = x", {"a", std::nullopt, "", "b"}), "a,b");
    EXPECT_EQ(Combine("query = x", {std::nullopt, ""}), std::nullopt);
    EXPECT_EQ(Combine("query = x", {}), std::nullopt);
    EXPECT_EQ(Combine("query = x\nresult_format = [%d]", {"a@b", "c", "d@e"}), "[b],[e]");
}

TEST_F(SqlLookupTest, MoreValuesThanTheLimitAreAnErrorAndNotCutShort) {
    EXPECT_EQ(Combine("query = x\nexpansion_limit = 2", {"a", "", "b"}), "a,b");
    EXPECT_THROW(Combine("query = x\nexpansion_limit = 2", {"a", "b", "c"}),
                 outage::TableUnavailable);
    EXPECT_EQ(Combine("query = x\nexpansion_limit = 0", {"a", "b", "c"}), "a,b,c");
}

TEST_F(SqlLookupTest, AValueEndsAtAZeroByteAndMustBeUtf8) {
    EXPECT_EQ(Combine("query = x", {std::string("a\0b", 3)}), "a");
    EXPECT_THROW(Combine("query = x", {"a\xff"}), outage::TableUnavailable);
}

TEST_F(SqlLookupTest, AsksForFoldedKeysOfTheDomainsListedOnly) {
    const std::string content = "query = %s\ndomain = fake:hosted, localhost";
    EXPECT_EQ(SearchKey(content, "JOE@Example.com"), "joe@example.com");
    EXPECT_EQ(SearchKey(content, "joe@localhost"), "joe@localhost");
    for (const char* key : {"joe@example.org", "joe", "example.com", "@example.com", "joe@"})
        EXPECT_EQ(SearchKey(content, key), std::nullopt) << key;
    hosted.broken = true;
    EXPECT_THROW(SearchKey(content, "joe@example.com"), outage::TableUnavailable);
}

TEST_F(SqlLookupTest, PutsTheOlderParametersTogetherWhereThereIsNoQuery) {
    const SqlLookup lookup = Read(
        "select_field = v\ntable = t\nwhere_field = k\nadditional_conditions = AND n > 0\nquery =");
    EXPECT_EQ(lookup.Query().Prepared()->sql, "SELECT v FROM t WHERE k = ? AND n > 0");
    EXPECT_THROW(Read("select_field = v\ntable = t\n"), config::ConfigError);
}

TEST_F(SqlLookupTest, RefusesBadTemplatesNamingTheirLine) {
    try {
        Read("query = x\nresult_format = %z\n");
        FAIL();
    } catch (const config::ConfigError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("table.cf:2: \"result_format\""));
    }
    EXPECT_THROW(Read("query = x\nresult_format =\n"), config::ConfigError);
}

}  // namespace
}  // namespace policyd::tables
