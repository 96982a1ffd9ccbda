#include "policyd/ctl/policy_service_attributes.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace policyd::ctl {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

std::string Refusal(const std::string& element) {
    try {
        ParsePolicyServiceAttributes({element});
        return "";
    } catch (const std::invalid_argument& wrong) {
        return wrong.what();
    }
}

TEST(PolicyServiceAttributesTest, AreWrittenWithBlanksOnlyInBraces) {
    EXPECT_THAT(ParsePolicyServiceAttributes({"timeout=10s", "{ default_action = 450 4.3.0 = }"}),
                ElementsAre(Pair("default_action", "450 4.3.0 ="), Pair("timeout", "10s")));
    EXPECT_EQ(Refusal("timeout"), "expected name=value or { name = value }, found \"timeout\"");
}

TEST(PolicyServiceAttributesTest, AreThoseOfPostfix) {
    for (const char* known :
         {"timeout=10", "max_idle=1m", "max_ttl=1w", "retry_delay=1h", "request_limit=0",
          "try_limit=1", "default_action=DUNNO", "policy_context=users"})
        EXPECT_EQ(Refusal(known), "") << known;
    EXPECT_EQ(Refusal("timeut=10"),
              "there is no attribute \"timeut\"; perhaps \"timeout\" was meant");
    EXPECT_NE(Refusal("TIMEOUT=10"), "");
    EXPECT_NE(Refusal("colour=red"), "");
}

TEST(PolicyServiceAttributesTest, WithValuesThatEndSmtpd) {
    EXPECT_EQ(Refusal("timeout=10y"),
              "timeout: expected a time with a unit of s, m, h, d or w, found \"10y\"");
    for (const char* wrong :
         {"timeout=0", "timeout=2S", "timeout=", "max_idle=-1", "max_ttl=s", "try_limit=0",
          "try_limit=2x", "request_limit=-1", "default_action=", "policy_context="})
        EXPECT_NE(Refusal(wrong), "") << wrong;
}

TEST(PolicyServiceAttributesTest, TimesAreReadAsSmtpdReadsThem) {
    EXPECT_EQ(ParsePolicyServiceTime("10"), 10s);
    EXPECT_EQ(ParsePolicyServiceTime("2m"), 2min);
    EXPECT_EQ(ParsePolicyServiceTime("500ms"), 500min);
}

}  // namespace
}  // namespace policyd::ctl
