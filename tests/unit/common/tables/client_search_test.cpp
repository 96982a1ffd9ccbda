#include "common/tables/client_search.hpp"

#include <gmock/gmock.h>

#include "tests/support/run_to_end.hpp"
#include "tests/unit/common/tables/fake_table.hpp"

namespace policyd::tables {
namespace {

using testing::ElementsAre;

std::vector<std::string> KeysAskedFor(std::string_view name, std::string_view address,
                                      ParentStyle parents = ParentStyle::kDomain,
                                      bool takes_partial_keys = true) {
    FakeTable table;
    table.takes_partial_keys = takes_partial_keys;
    EXPECT_EQ(test::RunToEnd(FindClient(table, name, address, parents)), std::nullopt);
    return table.asked;
}

TEST(FindClientTest, AsksForTheNameItsParentsTheAddressAndItsNetworks) {
    EXPECT_THAT(KeysAskedFor("Mail.Example.COM", "192.0.2.1"),
                ElementsAre("mail.example.com", "example.com", "com", "192.0.2.1", "192.0.2",
                            "192.0", "192"));
}

TEST(FindClientTest, AsksForParentsWithTheirDotWherePostfixDoes) {
    EXPECT_THAT(KeysAskedFor("mail.example.com", "192.0.2.1", ParentStyle::kDotDomain),
                ElementsAre("mail.example.com", ".example.com", ".com", "192.0.2.1", "192.0.2",
                            "192.0", "192"));
}

TEST(FindClientTest, CutsTheTextOfIpv6AddressesAtColons) {
    EXPECT_THAT(KeysAskedFor("unknown", "2001:db8::1"),
                ElementsAre("unknown", "2001:db8::1", "2001:db8:", "2001:db8", "2001"));
    EXPECT_THAT(KeysAskedFor("unknown", "::1"), ElementsAre("unknown", "::1", ":", ""));
}

TEST(FindClientTest, ANumericNameHasNoParents) {
    EXPECT_THAT(KeysAskedFor("192.0.2.9", "192.0.2.1"),
                ElementsAre("192.0.2.9", "192.0.2.1", "192.0.2", "192.0", "192"));
}

TEST(FindClientTest, AsksTablesOfPatternsForWholeKeysOnly) {
    EXPECT_THAT(KeysAskedFor("mail.example.com", "192.0.2.1", ParentStyle::kDomain, false),
                ElementsAre("mail.example.com", "192.0.2.1"));
}

/// In memory; notes what it is asked for, and has the last of it.
class NotingTable final : public MemoryTable {
public:
    NotingTable(bool takes_partial_keys, std::string has)
        : takes_partial_keys_(takes_partial_keys), has_(std::move(has)) {}
    const std::string& Name() const override { return has_; }
    bool TakesPartialKeys() const override { return takes_partial_keys_; }
    std::optional<std::string> FindNow(std::string_view key) const override {
        asked.emplace_back(key);
        return key == has_ ? std::optional<std::string>("OK") : std::nullopt;
    }
    void ForEachValue(const Visit& visit) const override { visit("OK"); }
    void ForEachKey(const Visit& visit) const override { visit(has_); }

    mutable std::vector<std::string> asked;

private:
    const bool takes_partial_keys_;
    const std::string has_;
};

TEST(FindClientTest, AsksTablesInMemoryForTheSameKeysUntilOneIsThere) {
    const NotingTable keys(true, "192.0.2");
    EXPECT_EQ(FindClientNow(keys, "Mail.Example.COM", "192.0.2.1", ParentStyle::kDotDomain), "OK");
    EXPECT_THAT(keys.asked,
                ElementsAre("mail.example.com", ".example.com", ".com", "192.0.2.1", "192.0.2"));
    NotingTable patterns(false, "192.0.2.1");
    EXPECT_EQ(FindClientNow(patterns, "Mail.example.com", "192.0.2.1", ParentStyle::kDomain), "OK");
    test::RunToEnd(FindClient(patterns, "Mail.example.com", "192.0.2.1", ParentStyle::kDomain));
    EXPECT_THAT(patterns.asked,
                ElementsAre("Mail.example.com", "192.0.2.1", "Mail.example.com", "192.0.2.1"));
    const NotingTable nothing(false, "192.0.2");
    EXPECT_EQ(FindClientNow(nothing, "mail.example.com", "192.0.2.1", ParentStyle::kDomain),
              std::nullopt);
}

TEST(FindClientTest, AParentDomainWinsOverTheAddress) {
    FakeTable table{{"example.com", "REJECT"}, {"192.0.2.1", "OK"}};
    EXPECT_EQ(test::RunToEnd(FindClient(table, "a.example.com", "192.0.2.1", ParentStyle::kDomain)),
              "REJECT");
    EXPECT_EQ(test::RunToEnd(FindClient(table, "unknown", "192.0.2.1", ParentStyle::kDomain)),
              "OK");
}

}  // namespace
}  // namespace policyd::tables
