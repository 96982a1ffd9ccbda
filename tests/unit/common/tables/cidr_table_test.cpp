#include "common/tables/cidr_table.hpp"

#include <gmock/gmock.h>

#include "tests/support/run_to_end.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::tables {
namespace {

class CidrTableTest : public testing::Test {
protected:
    CidrTable Open(std::string_view content) {
        const WarningSink warn = [this](const std::string& text) { warnings.push_back(text); };
        return CidrTable(scratch.Write("table", content), warn);
    }
    std::string Find(std::string_view content, std::string_view key) {
        CidrTable table = Open(content);
        return test::RunToEnd(table.Find(key)).value_or("nothing");
    }

    test::ScratchDirectory scratch;
    std::vector<std::string> warnings;
};

TEST_F(CidrTableTest, TheFirstRuleInFileOrderHoldsHoweverWideItIs) {
    constexpr const char* kTable = "10.1.0.0/16 first\n10.0.0.0/8 second\n10.1.2.3 third\n";
    EXPECT_EQ(Find(kTable, "10.1.2.3"), "first");
    EXPECT_EQ(Find(kTable, "10.2.0.0"), "second");
    EXPECT_EQ(Find(kTable, "11.0.0.0"), "nothing");
}

TEST_F(CidrTableTest, ANegatedRuleIsForAllOthersOfItsFamily) {
    constexpr const char* kTable = "!10.0.0.0/8 other\n0.0.0.0/0 ten\n";
    EXPECT_EQ(Find(kTable, "11.0.0.0"), "other");
    EXPECT_EQ(Find(kTable, "10.0.0.0"), "ten");
    EXPECT_EQ(Find(kTable, "::1"), "nothing");
}

TEST_F(CidrTableTest, ABlockIsPassedOverByAddressesOutsideItsCondition) {
    constexpr const char* kTable =
        "if 10.0.0.0/8\nif !10.1.0.0/16\n0.0.0.0/0 inner\nendif\n10.1.0.0/16 outer\nendif\n"
        "0.0.0.0/0 rest\n";
    EXPECT_EQ(Find(kTable, "10.2.0.0"), "inner");
    EXPECT_EQ(Find(kTable, "10.1.0.0"), "outer");
    EXPECT_EQ(Find(kTable, "11.0.0.0"), "rest");
    EXPECT_THAT(warnings, testing::IsEmpty());
}

TEST_F(CidrTableTest, WhatABlockLeavesOutIsFoundFurtherDownUnderTheSameNetwork) {
    constexpr const char* kTable =
        "if !10.1.0.0/16\n10.0.0.0/8 some\nendif\n11.0.0.0/8 other\n10.0.0.0/8 rest\n";
    EXPECT_EQ(Find(kTable, "10.2.0.0"), "some");
    EXPECT_EQ(Find(kTable, "10.1.0.0"), "rest");
}

TEST_F(CidrTableTest, WhatSeveralConditionsLeaveOutNoneOfThemLetsIn) {
    constexpr const char* kTable =
        "if !10.1.0.0/16\nif !10.2.0.0/16\n10.0.0.0/8 some\nendif\nendif\n0.0.0.0/0 rest\n";
    EXPECT_EQ(Find(kTable, "10.1.0.0"), "rest");
    EXPECT_EQ(Find(kTable, "10.2.0.0"), "rest");
    EXPECT_EQ(Find(kTable, "10.3.0.0"), "some");
}

TEST_F(CidrTableTest, EvenANegatedConditionKeepsTheOtherFamilyOut) {
    EXPECT_EQ(Find("if !::1\n10.0.0.0/8 inner\nendif\n", "10.0.0.1"), "nothing");
}

TEST_F(CidrTableTest, ABlockThatNothingEndsReachesToTheEndOfTheFile) {
    constexpr const char* kTable = "if 10.0.0.0/8\n0.0.0.0/0 inner\n11.0.0.1 unreachable\n";
    EXPECT_EQ(Find(kTable, "11.0.0.1"), "nothing");
    EXPECT_THAT(warnings, testing::ElementsAre(testing::HasSubstr("table:1: ")));
}

TEST_F(CidrTableTest, MappedAddressesAreIpv6) {
    EXPECT_EQ(Find("10.0.0.0/8 four\n::/0 six\n", "::ffff:10.0.0.1"), "six");
}

TEST_F(CidrTableTest, AValueThatIsNotUtf8IsAnErrorOnlyWhereItIsFound) {
    CidrTable table = Open("10.0.0.1 \xff\n10.0.0.2 ok\n");
    EXPECT_EQ(test::RunToEnd(table.Find("10.0.0.2")), "ok");
    EXPECT_THROW(test::RunToEnd(table.Find("10.0.0.1")), outage::TableUnavailable);
}

TEST_F(CidrTableTest, FindsTheFirstOfManyRulesAsALinearSearchWould) {
    std::string content;
    std::vector<AddressPrefix> prefixes;
    std::uint32_t random = 12345;
    const auto next = [&random](std::uint32_t below) {
        random = random * 1664525 + 1013904223;
        return (random >> 8) % below;
    };
    for (int i = 0; i < 3000; ++i) {
        AddressPrefix prefix;
        prefix.length = static_cast<std::uint8_t>(18 + next(15));  // few hide others
        const AddressBits bits{10ULL << 56 | std::uint64_t{next(1 << 14)} << 40, 0};
        prefix.bits = FirstBits(bits, prefix.length);
        prefixes.push_back(prefix);
        content += "10." + std::to_string(prefix.bits.high >> 48 & 255) + "." +
                   std::to_string(prefix.bits.high >> 40 & 255) + ".0/" +
                   std::to_string(prefix.length) + " " + std::to_string(i) + "\n";
    }
    CidrTable table = Open(content);
    EXPECT_EQ(table.Size(), 3000u);
    for (int i = 0; i < 500; ++i) {
        AddressBits bits = prefixes[next(3000)].bits;
        bits.high |= std::uint64_t{next(3)} << 32;
        const std::string key = "10." + std::to_string(bits.high >> 48 & 255) + "." +
                                std::to_string(bits.high >> 40 & 255) + "." +
                                std::to_string(bits.high >> 32 & 255);
        std::optional<std::string> expected;
        for (std::size_t rule = 0; rule < prefixes.size() && !expected; ++rule)
            if (prefixes[rule].Contains(*ParseAddress(key))) expected = std::to_string(rule);
        EXPECT_EQ(test::RunToEnd(table.Find(key)), expected) << key;
    }
}

}  // namespace
}  // namespace policyd::tables
