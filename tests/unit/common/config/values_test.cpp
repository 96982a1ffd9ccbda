#include "common/config/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace policyd::config {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using testing::ElementsAre;

TEST(ParseDurationTest, TakesPostfixsTimeUnitsAndMilliseconds) {
    EXPECT_EQ(ParseDuration("500ms"), 500ms);
    EXPECT_EQ(ParseDuration("30s"), 30s);
    EXPECT_EQ(ParseDuration("5M"), 300s);
    EXPECT_EQ(ParseDuration("2h"), 7200s);
    EXPECT_EQ(ParseDuration("1d"), 86400s);
    EXPECT_EQ(ParseDuration("1w"), 604800s);
    EXPECT_EQ(ParseDuration("7"), 7s);
}

TEST(ParseDurationTest, RefusesWhatIsNoTime) {
    for (const char* text : {"", "s", "-1s", "1.5s", "1y", "99999999999999999w", "5 s m", "99999w"})
        EXPECT_THROW(ParseDuration(text), std::invalid_argument) << text;
}

TEST(ShowDurationTest, UsesTheLargestUnitThatFits) {
    EXPECT_EQ(ShowDuration(0ms), "0s");
    EXPECT_EQ(ShowDuration(1500ms), "1500ms");
    EXPECT_EQ(ShowDuration(1015s), "1015s");
    EXPECT_EQ(ShowDuration(300s), "5m");
    EXPECT_EQ(ShowDuration(604800s), "1w");
}

TEST(ListsNameTest, GoesByTheFirstElementThatIsTheNameInAnyCase) {
    EXPECT_TRUE(ListsName({"smtpd_access_maps", "relay_domains"}, "relay_domains"));
    EXPECT_TRUE(ListsName({"smtpd_access_maps, Relay_Domains"}, "relay_domains"));
    EXPECT_FALSE(ListsName({"!relay_domains", "relay_domains"}, "relay_domains"));
    EXPECT_TRUE(ListsName({"!!relay_domains"}, "relay_domains"));
    EXPECT_FALSE(ListsName({"relay_domain", "!smtpd_access_maps"}, "relay_domains"));
    EXPECT_FALSE(ListsName({}, "relay_domains"));
}

TEST(ParseBytesTest, TakesPowersOf1024) {
    EXPECT_EQ(ParseBytes("10485760"), 10485760u);
    EXPECT_EQ(ParseBytes("10M"), 10485760u);
    EXPECT_EQ(ParseBytes("3k"), 3072u);
    EXPECT_EQ(ParseBytes("5G"), 5368709120u);
    EXPECT_THROW(ParseBytes("10MB"), std::invalid_argument);
    EXPECT_THROW(ParseBytes("99999999T"), std::invalid_argument);
}

TEST(ShowBytesTest, IsWhatParseBytesTakes) {
    for (const std::uint64_t bytes : {0ull, 1ull, 1000ull, 1024ull, 10485760ull, 1ull << 40})
        EXPECT_EQ(ParseBytes(ShowBytes(bytes)), bytes);
}

TEST(ParseListTest, SplitsAsMainCfDoes) {
    EXPECT_THAT(ParseList(" proxy:mysql:/a.cf, mysql:/b.cf\n\tcidr:/c "),
                ElementsAre("proxy:mysql:/a.cf", "mysql:/b.cf", "cidr:/c"));
    EXPECT_THAT(ParseList("inline:{ {a = b c}, d=e }, x"),
                ElementsAre("inline:{ {a = b c}, d=e }", "x"));
    EXPECT_THROW(ParseList("inline:{ a=b"), std::invalid_argument);
}

TEST(QuotedTest, EscapesWhatTomlWouldNotTake) {
    EXPECT_EQ(Quoted("a\"b\\c\n\x01"), "\"a\\\"b\\\\c\\n\\u0001\"");
}

TEST(WrappedTest, BreaksBetweenWordsOnly) {
    const std::string word(40, 'x');
    EXPECT_EQ(Wrapped("a b", "# "), "# a b\n");
    EXPECT_EQ(Wrapped(word + ' ' + word, "# "), "# " + word + "\n# " + word + '\n');
    EXPECT_EQ(Wrapped(word + word, ""), word + word + '\n');
}

TEST(ClosestToTest, FindsTheNameThatWasMeant) {
    EXPECT_EQ(ClosestTo("virtual_alais_maps", {"transport_maps", "virtual_alias_maps"}),
              "virtual_alias_maps");
    EXPECT_EQ(ClosestTo("lsten", {"listen", "workers"}), "listen");
    EXPECT_EQ(ClosestTo("entirely_different", {"listen", "workers"}), "");
}

}  // namespace
}  // namespace policyd::config
