#include "common/mail/address_rewriting.hpp"

#include <gtest/gtest.h>

#include "common/mail/address.hpp"

namespace policyd::mail {
namespace {

RewritingRules Rules() {
    RewritingRules rules;
    rules.myorigin = "mx.lab.test";
    rules.mydomain = "lab.test";
    return rules;
}

struct RewritingCase {
    const char* name;
    const char* address;
    const char* rewritten;
};

const RewritingCase kRewritingCases[] = {
    {"NothingToDo", "Joe@Example.COM", "Joe@Example.COM"},
    {"OneDotAtTheEnd", "joe@example.com.", "joe@example.com"},
    {"TwoDotsAtTheEnd", "joe@example.com..", "joe@example.com.."},
    {"NoDomain", "joe", "joe@mx.lab.test"},
    {"NoDomainButBlank", "a b", "a b@mx.lab.test"},
    {"NoParentDomain", "joe@host", "joe@host.lab.test"},
    {"DotInsteadOfAParent", "joe@host.", "joe@host"},
    {"PercentHack", "joe%example.com", "joe@example.com"},
    {"LastPercent", "a%b%example.com", "a%b@example.com"},
    {"PercentBesideADomain", "joe%example.com@mx.lab.test", "joe%example.com@mx.lab.test"},
    {"BangPath", "example.com!joe", "joe@example.com"},
    {"FirstBang", "a.example!b.example!joe", "b.example!joe@a.example"},
    {"BangBeforePercent", "a.example!joe%b.example", "joe%b.example@a.example"},
    {"SourceRoute", "@a.example,@b.example:joe@c.example", "joe@c.example"},
    {"SourceRouteWithoutAddress", "@a.example:", "@mx.lab.test"},
    {"Literal", "joe@[192.0.2.1]", "joe@[192.0.2.1]"},
    {"LoneAt", "@", "@"},
    {"NoLocalPart", "@example.com", "@example.com"},
    {"NoDomainAfterAt", "joe@", "joe@"},
    {"Nothing", "", ""},
    {"QuotedPercentIsNoRouting", "a b%example.com", "a b%example.com@mx.lab.test"},
};

class RewritingTest : public testing::TestWithParam<RewritingCase> {};

TEST_P(RewritingTest, CompletesAnAddress) {
    EXPECT_EQ(Rewritten(GetParam().address, Rules()), GetParam().rewritten);
}

INSTANTIATE_TEST_SUITE_P(Addresses, RewritingTest, testing::ValuesIn(kRewritingCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(RewritingRulesTest, EachCanBeSwitchedOff) {
    RewritingRules rules = Rules();
    rules.swap_bangpath = rules.allow_percent_hack = false;
    EXPECT_EQ(Rewritten("example.com!joe", rules), "example.com!joe@mx.lab.test");
    EXPECT_EQ(Rewritten("joe%example.com", rules), "joe%example.com@mx.lab.test");
    rules.append_at_myorigin = rules.append_dot_mydomain = false;
    EXPECT_EQ(Rewritten("joe", rules), "joe");
    EXPECT_EQ(Rewritten("joe@host", rules), "joe@host");
}

TEST(RewritingTest, ExternalAddressesAreUnquotedAfterwards) {
    EXPECT_EQ(RewrittenExternal("\"a b\"@host", Rules()), "a b@host.lab.test");
    EXPECT_EQ(RewrittenExternal("x@a.example@b.example", Rules()), "x@a.example@b.example");
    EXPECT_EQ(RewrittenExternal("\"\"", Rules()), "");
    EXPECT_EQ(RewrittenExternal("@", Rules()), "");
}

TEST(RewritingTest, LeavesEveryPlainAddressAlone) {
    for (const char* address : {"joe@example.com", "J.o+e_-=1@a-b.example.COM"}) {
        ASSERT_TRUE(IsPlain(address));
        EXPECT_EQ(RewrittenExternal(address, Rules()), address);
        EXPECT_EQ(Quoted(address), address);
    }
}

}  // namespace
}  // namespace policyd::mail
