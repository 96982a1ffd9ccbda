#include "common/recipients/address_resolution.hpp"

#include <gtest/gtest.h>

#include "tests/unit/common/recipients/mail_system_fixture.hpp"

namespace policyd::recipients {
namespace {

struct RoutingCase {
    const char* name;
    const char* address;
    const char* recipient;
    AddressClass address_class;
    bool is_routed;
};

const RoutingCase kRoutingCases[] = {
    {"Hosted", "joe@example.com", "joe@example.com", AddressClass::kVirtualMailbox, false},
    {"Foreign", "joe@foreign.example", "joe@foreign.example", AddressClass::kDefault, false},
    {"Local", "joe@mx.lab.test", "joe@mx.lab.test", AddressClass::kLocal, false},
    {"PercentAtALocalDomain", "joe%example.com@mx.lab.test", "joe@example.com",
     AddressClass::kVirtualMailbox, false},
    {"BangAtALocalDomain", "example.com!joe@mx.lab.test", "joe@example.com",
     AddressClass::kVirtualMailbox, false},
    {"AddressAtALocalDomain", "joe@example.com@mx.lab.test", "joe@example.com",
     AddressClass::kVirtualMailbox, false},
    {"LocalTwice", "joe%example.com%mx.lab.test@mx.lab.test", "joe@example.com",
     AddressClass::kVirtualMailbox, false},
    {"PercentAtAHostedDomain", "joe%x.example@example.com", "joe%x.example@example.com",
     AddressClass::kVirtualMailbox, true},
    {"QuotedRoutingAtALocalDomain", "j e%example.com@mx.lab.test", "j e@example.com",
     AddressClass::kVirtualMailbox, false},
    {"NoLocalPart", "@mx.lab.test", "MAILER-DAEMON@mx.lab.test", AddressClass::kLocal, false},
    {"NoDomain", "joe", "joe@mx.lab.test", AddressClass::kLocal, false},
};

class AddressResolutionTest : public MailSystemFixture,
                              public testing::WithParamInterface<RoutingCase> {
protected:
    ResolvedAddress ResolveOne(const std::string& address) {
        DecisionLookups lookups(tables::DirectReader());
        return test::RunToEnd(ResolveAddress(system, lookups, address));
    }
};

TEST_P(AddressResolutionTest, FollowsRoutingAndFindsTheClass) {
    const ResolvedAddress resolved = ResolveOne(GetParam().address);
    EXPECT_EQ(resolved.recipient, GetParam().recipient);
    EXPECT_EQ(resolved.address_class, GetParam().address_class);
    EXPECT_EQ(resolved.is_routed, GetParam().is_routed);
    EXPECT_FALSE(resolved.is_bad_syntax);
}

INSTANTIATE_TEST_SUITE_P(Routing, AddressResolutionTest, testing::ValuesIn(kRoutingCases),
                         [](const auto& test) { return std::string(test.param.name); });

class OtherRoutingTest : public AddressResolutionTest {};

TEST_F(OtherRoutingTest, PercentAndBangAreRoutingOnlyWhereThatIsWanted) {
    system.rewriting.allow_percent_hack = false;
    system.rewriting.swap_bangpath = false;
    for (const char* address : {"joe%example.com@mx.lab.test", "example.com!joe@mx.lab.test",
                                "j e%example.com@mx.lab.test", "example.com!j e@mx.lab.test"})
        EXPECT_EQ(ResolveOne(address).recipient, address);
}

TEST_F(OtherRoutingTest, ALiteralIsADomainAndWhatIsNoTextIsNoAddress) {
    EXPECT_FALSE(ResolveOne("joe@[192.0.2.5]").is_bad_syntax);
    for (const char* address : {"joe@[192.0.2.500]", "jo\xff@example.com", "joe@a_b..example"})
        EXPECT_TRUE(ResolveOne(address).is_bad_syntax) << address;
}

class TransportTest : public AddressResolutionTest {};

TEST_F(TransportTest, ARowChangesWhatItNames) {
    struct Case {
        const char* route;
        const char* transport;
        const char* next_hop;
    };
    for (const Case& test : {Case{":", "virtual", "example.com"},
                             {":hop", "virtual", "hop"},
                             {"smtp:", "smtp", "example.com"},
                             {"smtp", "smtp", "example.com"},
                             {"smtp:[192.0.2.1]:25", "smtp", "[192.0.2.1]:25"}}) {
        transports.rows = {{"example.com", test.route}};
        const ResolvedAddress resolved = ResolveOne("joe@example.com");
        EXPECT_EQ(resolved.transport, test.transport) << test.route;
        EXPECT_EQ(resolved.next_hop, test.next_hop) << test.route;
    }
}

TEST_F(TransportTest, AnAliasDomainHasNone) {
    system.virtual_alias_domains = List("virtual_alias_domains", {"alias.example"});
    transports.rows = {{"*", "smtp:x"}};
    EXPECT_EQ(ResolveOne("joe@alias.example").transport, "error");
}

}  // namespace
}  // namespace policyd::recipients
