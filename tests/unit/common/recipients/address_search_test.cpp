#include "common/recipients/address_search.hpp"

#include <gmock/gmock.h>

#include "tests/unit/common/recipients/mail_system_fixture.hpp"

namespace policyd::recipients {
namespace {

using test::RunToEnd;
using testing::ElementsAre;

class AddressSearchTest : public MailSystemFixture {
protected:
    std::optional<AddressMatch> Find(const std::string& address,
                                     KeyForms forms = KeyForms::kExternal) {
        return RunToEnd(FindAddress(system, lookups_, system.virtual_mailbox_maps, address, forms));
    }

    DecisionLookups lookups_{tables::DirectReader()};
};

TEST_F(AddressSearchTest, TriesTheAddressThenWithoutExtensionThenTheDomain) {
    system.extensions.delimiters = "+";
    EXPECT_EQ(Find("x+box@example.com"), std::nullopt);
    EXPECT_THAT(mailboxes.asked, ElementsAre("x+box@example.com", "x@example.com", "@example.com"));
}

TEST_F(AddressSearchTest, TriesTheUserAloneInLocalDomains) {
    system.extensions.delimiters = "+";
    EXPECT_EQ(Find("x+box@mx.lab.test"), std::nullopt);
    EXPECT_THAT(mailboxes.asked,
                ElementsAre("x+box@mx.lab.test", "x@mx.lab.test", "x+box", "x", "@mx.lab.test"));
}

TEST_F(AddressSearchTest, LocalDomainsAreThoseOfMyDestination) {
    system.mydestination = List("mydestination", {"other.lab.test"});
    EXPECT_EQ(Find("x@other.lab.test"), std::nullopt);
    EXPECT_THAT(mailboxes.asked, ElementsAre("x@other.lab.test", "x", "@other.lab.test"));
}

TEST_F(AddressSearchTest, TriesNoUnquotedFormOfAliases) {
    EXPECT_EQ(Find("a b@example.com", KeyForms::kExternal), std::nullopt);
    EXPECT_THAT(mailboxes.asked, ElementsAre("\"a b\"@example.com", "@example.com"));
}

TEST_F(AddressSearchTest, TheDomainIsBehindTheLastAt) {
    EXPECT_EQ(Find("a@b@example.com"), std::nullopt);
    EXPECT_THAT(mailboxes.asked, ElementsAre("\"a@b\"@example.com", "@example.com"));
}

TEST_F(AddressSearchTest, TakesMyOriginForALocalDomain) {
    system.rewriting.myorigin = "Example.COM";
    EXPECT_EQ(Find("x@example.com"), std::nullopt);
    EXPECT_THAT(mailboxes.asked, ElementsAre("x@example.com", "x", "@example.com"));
}

TEST_F(AddressSearchTest, TriesTheQuotedFormAndThenTheUnquotedOne) {
    EXPECT_EQ(Find("a b@example.com", KeyForms::kExternalThenInternal), std::nullopt);
    EXPECT_THAT(mailboxes.asked,
                ElementsAre("\"a b\"@example.com", "a b@example.com", "@example.com"));
}

TEST_F(AddressSearchTest, SaysWhichKeyWasFoundAndWhatWasLeftOff) {
    system.extensions.delimiters = "+";
    const auto match = Find("joe+box@example.com");
    ASSERT_TRUE(match);
    EXPECT_EQ(match->key, "joe@example.com");
    EXPECT_EQ(match->extension, "+box");
    EXPECT_EQ(Find("joe@example.com")->extension, "");
}

TEST_F(AddressSearchTest, KnowsTheLiteralsOfItsOwnAddresses) {
    system.own_addresses = {"192.0.2.1", "2001:db8::1"};
    EXPECT_TRUE(RunToEnd(IsLocalDomain(system, lookups_, "[192.0.2.1]")));
    EXPECT_TRUE(RunToEnd(IsLocalDomain(system, lookups_, "[IPv6:2001:DB8:0::1]")));
    EXPECT_FALSE(RunToEnd(IsLocalDomain(system, lookups_, "[192.0.2.2]")));
    EXPECT_FALSE(RunToEnd(IsLocalDomain(system, lookups_, "192.0.2.1")));
    EXPECT_TRUE(RunToEnd(IsLocalDomain(system, lookups_, "mx.lab.test.")));
    EXPECT_FALSE(RunToEnd(IsLocalDomain(system, lookups_, "mx.lab.test..")));
    EXPECT_FALSE(RunToEnd(IsLocalDomain(system, lookups_, "")));
}

}  // namespace
}  // namespace policyd::recipients
