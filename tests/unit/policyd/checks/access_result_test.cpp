#include "policyd/checks/access_result.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace policyd::checks {
namespace {

using Kind = AccessResult::Kind;

TEST(AccessResultTest, DigitsAloneAndOkPermit) {
    for (const char* value : {"OK", "ok", "RELAY", "OK whatever", "550", "1", "permit"})
        EXPECT_EQ(ParseAccessResult(value).kind, Kind::kPermit) << value;
}

TEST(AccessResultTest, ReplyCodesWithATextRefuse) {
    const AccessResult result = ParseAccessResult("550  5.7.1   go\taway");
    EXPECT_EQ(result.kind, Kind::kDecide);
    EXPECT_EQ(result.action, "550 5.7.1   go?away");
    EXPECT_EQ(ParseAccessResult("450 later").action, "450 later");
}

TEST(AccessResultTest, WordsMayBeWrittenInAnyCaseAndWithAnyBlank) {
    EXPECT_EQ(ParseAccessResult("reject\tno").action, "REJECT no");
    EXPECT_EQ(ParseAccessResult("Dunno").kind, Kind::kNext);
    EXPECT_EQ(ParseAccessResult("hold").kind, Kind::kAside);
    EXPECT_EQ(ParseAccessResult("warn me").text, "WARN me");
}

TEST(AccessResultTest, AnActionWithoutItsArgumentDoesNothing) {
    for (const char* value : {"FILTER", "FILTER x", "REDIRECT joe", "PREPEND X A: b", "BCC"})
        EXPECT_EQ(ParseAccessResult(value).kind, Kind::kNext) << value;
    EXPECT_EQ(ParseAccessResult("FILTER smtp:[x]").action, "FILTER smtp:[x]");
}

TEST(AccessResultTest, RestrictionsThatCanOnlyRefuseArePassedOnAndGoOnToTheNextTable) {
    const AccessResult result = ParseAccessResult("reject_unknown_client_hostname");
    EXPECT_EQ(result.kind, Kind::kRestrict);
    EXPECT_EQ(result.action, "reject_unknown_client_hostname");
    EXPECT_EQ(ParseAccessResult("warn_if_reject reject_unauth_pipelining").action,
              "warn_if_reject, reject_unauth_pipelining");
}

TEST(AccessResultTest, RestrictionsThatDecideInAnyCaseAreLeftToPostfix) {
    const AccessResult result = ParseAccessResult("permit_mynetworks, reject");
    EXPECT_EQ(result.kind, Kind::kDelegate);
    EXPECT_EQ(result.action, "permit_mynetworks, reject");
    EXPECT_EQ(ParseAccessResult("reject_unauth_pipelining permit").kind, Kind::kDelegate);
    EXPECT_EQ(ParseAccessResult("reject_unauth_pipelining permit").action,
              "reject_unauth_pipelining");
}

TEST(AccessResultTest, RestrictionsArePassedOnWithTheirArguments) {
    EXPECT_EQ(ParseAccessResult("reject_rbl_client  bl.example=127.0.0.[2..4]").action,
              "reject_rbl_client bl.example=127.0.0.[2..4]");
    EXPECT_EQ(ParseAccessResult("sleep 1, Reject_Rhsbl_Sender permit").action,
              "sleep 1, Reject_Rhsbl_Sender permit");
    EXPECT_EQ(ParseAccessResult("sleep 1").kind, Kind::kRestrict);
    EXPECT_EQ(ParseAccessResult("permit_dnswl_client wl.example, reject").action,
              "permit_dnswl_client wl.example, reject");
    EXPECT_THROW(ParseAccessResult("permit_dnswl_client wl.example"), std::invalid_argument);
    EXPECT_EQ(ParseAccessResult("reject_unknown_client reject_rbl_client").action,
              "reject_unknown_client")
        << "Postfix warns, and does nothing";
    EXPECT_EQ(ParseAccessResult("reject_rbl_client").kind, Kind::kNext);
}

TEST(AccessResultTest, NothingCountsBehindWhatDecidesInAnyCase) {
    EXPECT_EQ(ParseAccessResult("permit, reject").kind, Kind::kPermit);
    EXPECT_EQ(ParseAccessResult("reject, permit").action, "reject");
    EXPECT_EQ(ParseAccessResult("reject_unauth_destination, permit, nonsense").action,
              "reject_unauth_destination");
    const AccessResult warns =
        ParseAccessResult("warn_if_reject reject, permit_mynetworks, reject");
    EXPECT_EQ(warns.kind, Kind::kDelegate);
    EXPECT_EQ(warns.action, "warn_if_reject, reject, permit_mynetworks, reject");
    EXPECT_EQ(ParseAccessResult("warn_if_reject defer").kind, Kind::kRestrict);
}

TEST(AccessResultTest, RestrictionsThatMayPermitOrNotAreAnErrorAsAreUnknownWords) {
    for (const char* value : {"permit_mynetworks", "250 hello", "nonsense", "", "1234 x", ",",
                              "permit_mynetworks reject_unauth_pipelining",
                              "reject_x, check_client_access hash:/x", "OK, reject"}) {
        EXPECT_THROW(ParseAccessResult(value), std::invalid_argument) << value;
    }
}

TEST(AccessResultTest, ARestrictionThatPostfixDoesNotKnowIsAnErrorAndLetsNothingBehindItRefuse) {
    for (const char* value :
         {"reject_no_such_restriction", "reject_no_such_restriction, reject",
          "permit_nobody, reject", "reject_unauth_pipelining reject_x permit"}) {
        EXPECT_THROW(ParseAccessResult(value), std::invalid_argument) << value;
    }
}

TEST(AccessResultTest, KnowsWhatRefusesForGood) {
    EXPECT_TRUE(RefusesForGood("REJECT"));
    EXPECT_TRUE(RefusesForGood("554 5.7.1 no"));
    EXPECT_FALSE(RefusesForGood("DEFER"));
    EXPECT_FALSE(RefusesForGood("450 4.7.1 later"));
    EXPECT_FALSE(RefusesForGood("HOLD"));
}

}  // namespace
}  // namespace policyd::checks
