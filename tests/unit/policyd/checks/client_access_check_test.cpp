#include "policyd/checks/client_access_check.hpp"

#include <gtest/gtest.h>

#include "common/outage/unavailable.hpp"
#include "common/tables/inline_table.hpp"
#include "tests/unit/common/tables/fake_table.hpp"
#include "tests/unit/policyd/checks/action_of.hpp"

namespace policyd::checks {
namespace {

constexpr const char* kRefused = "554 5.7.1 Client host is not on the list";

class ClientAccessCheckTest : public testing::Test {
protected:
    ClientAccessCheckTest() {
        request.stage = protocol::Stage::kRcpt;
        request.client_address = "192.0.2.1";
        request.client_name = "mx.example.com";
    }

    std::string Answer(std::vector<tables::LookupTable*> tables,
                       const std::string& default_action = kRefused) {
        ClientAccessCheck check({"client_access_maps", std::move(tables)},
                                {.default_action = default_action}, tables::DirectReader(), {},
                                &AtTheBeginning);
        return ActionOf(check, request);
    }
    std::string AnswerFor(const std::string& value, const std::string& default_action = kRefused) {
        tables::FakeTable table{{"192.0.2.1", value}};
        return Answer({&table}, default_action);
    }

    static std::chrono::milliseconds AtTheBeginning() { return std::chrono::milliseconds(0); }

    protocol::PolicyRequest request;
};

TEST_F(ClientAccessCheckTest, DefersAtOnceWhomItIsToDeferEitherWay) {
    tables::FakeTable if_rejected{{"192.0.2.1", "DEFER_IF_REJECT busy"}};
    tables::FakeTable if_permitted{{"192.0.2.1", "DEFER_IF_PERMIT 4.7.0 soon"}};
    tables::FakeTable hangs_up{{"192.0.2.1", "421 4.7.1 bye"}};
    for (const std::vector<tables::LookupTable*>& tables :
         {std::vector<tables::LookupTable*>{&if_rejected, &if_permitted, &hangs_up},
          {&if_permitted, &if_rejected, &hangs_up}})
        EXPECT_EQ(Answer(tables), "DEFER 4.7.0 soon");
    EXPECT_EQ(AnswerFor("DEFER_IF_PERMIT 4.7.0 soon", "DEFER_IF_REJECT busy"), "DEFER 4.7.0 soon");
}

TEST_F(ClientAccessCheckTest, LetsUsersWhoHaveLoggedInPassWhereThatIsWanted) {
    tables::FakeTable table{{"192.0.2.9", "OK"}};
    ClientAccessCheck check({"client_access_maps", {&table}},
                            {.default_action = kRefused, .permits_authenticated = true},
                            tables::DirectReader(), {}, &AtTheBeginning);
    EXPECT_EQ(ActionOf(check, request), kRefused);
    request.sasl_username = "joe";
    EXPECT_EQ(ActionOf(check, request), "");
    EXPECT_EQ(Answer({&table}), kRefused);
}

TEST_F(ClientAccessCheckTest, RemembersWhatTheTablesSaidWhileTheyCannotBeAsked) {
    tables::FakeTable table{{"192.0.2.1", "OK"}};
    table.server = &table;
    std::chrono::milliseconds now{0};
    ClientAccessCheck::Memory memory;
    memory.stale_time = std::chrono::seconds(60);
    ClientAccessCheck check({"client_access_maps", {&table}}, {.default_action = kRefused},
                            tables::DirectReader(), memory, [&now] { return now; });
    const auto ask = [&] { return ActionOf(check, request); };
    EXPECT_EQ(ask(), "");
    table.broken = true;
    EXPECT_EQ(ask(), "");
    request.client_address = "192.0.2.2";
    EXPECT_THROW(ask(), outage::TableUnavailable) << "another client";
    request.client_address = "192.0.2.1";
    now = memory.stale_time;
    EXPECT_THROW(ask(), outage::TableUnavailable);
}

TEST_F(ClientAccessCheckTest, TakesOverWhatTheSameTablesSaid) {
    tables::FakeTable table{{"192.0.2.1", "OK"}};
    table.server = &table;
    ClientAccessCheck::Memory memory;
    memory.stale_time = std::chrono::seconds(60);
    const auto make = [&] {
        return std::make_unique<ClientAccessCheck>(
            tables::TableChain("client_access_maps", {&table}),
            ClientAccessCheck::Rules{.default_action = kRefused}, tables::DirectReader(), memory,
            &AtTheBeginning);
    };
    const auto before = make();
    EXPECT_EQ(ActionOf(*before, request), "");
    table.broken = true;
    const auto others = make();
    others->TakeOver(*before, false);
    EXPECT_THROW(ActionOf(*others, request), outage::TableUnavailable);
    const auto same = make();
    same->TakeOver(*before, true);
    EXPECT_EQ(ActionOf(*same, request), "");
}

TEST_F(ClientAccessCheckTest, RemembersTheDefaultWhereThereAreNoTables) {
    ClientAccessCheck check({"client_access_maps", {}}, {.default_action = kRefused},
                            tables::DirectReader(), {}, &AtTheBeginning);
    const auto verdict = check.AsRemembered(request, {});
    ASSERT_TRUE(verdict.has_value());
    EXPECT_EQ(verdict->action, kRefused);
}

TEST_F(ClientAccessCheckTest, HasAtHandWhatTablesInMemorySay) {
    tables::InlineTable names("{ mx.example.com=DUNNO, {203.0.113 = no action} }");
    tables::InlineTable addresses("{ {192.0.2 = REJECT you} }");
    ClientAccessCheck check({"client_access_maps", {&names, &addresses}},
                            {.default_action = kRefused}, tables::DirectReader(), {},
                            &AtTheBeginning);
    EXPECT_EQ(check.AtHand(request)->action, "REJECT you");
    EXPECT_EQ(ActionOf(check, request), "REJECT you");
    request.client_address = "198.51.100.1";
    EXPECT_EQ(check.AtHand(request)->action, kRefused);
    request.client_name = "unknown";
    request.client_address = "203.0.113.1";
    EXPECT_FALSE(check.AtHand(request));
    EXPECT_THROW(ActionOf(check, request), outage::TableUnavailable);
}

TEST_F(ClientAccessCheckTest, HasAtHandWhatATableSaidOnce) {
    tables::FakeTable table{{"192.0.2.1", "REJECT you"}};
    ClientAccessCheck::Memory memory;
    memory.fresh_time = std::chrono::seconds(60);
    ClientAccessCheck check({"client_access_maps", {&table}}, {.default_action = kRefused},
                            tables::DirectReader(), memory, &AtTheBeginning);
    EXPECT_FALSE(check.AtHand(request));
    EXPECT_EQ(ActionOf(check, request), "REJECT you");
    table.broken = true;
    const auto at_hand = check.AtHand(request);
    ASSERT_TRUE(at_hand);
    EXPECT_EQ(at_hand->action, "REJECT you");
    check.ForgetAnswers();
    EXPECT_FALSE(check.AtHand(request));
}

TEST_F(ClientAccessCheckTest, WhatIsRememberedOfAClientIsOfNoneWithAnotherName) {
    tables::FakeTable table{{"mx.example.com", "OK"}};
    ClientAccessCheck::Memory memory;
    memory.fresh_time = std::chrono::seconds(60);
    ClientAccessCheck check({"client_access_maps", {&table}}, {.default_action = kRefused},
                            tables::DirectReader(), memory, &AtTheBeginning);
    EXPECT_EQ(ActionOf(check, request), "");
    request.client_name = "unknown";
    EXPECT_FALSE(check.AtHand(request));
    EXPECT_EQ(ActionOf(check, request), kRefused);
}

TEST_F(ClientAccessCheckTest, TablesInMemoryAnswerAlsoWhereThereIsNoTime) {
    tables::InlineTable table("{ {192.0.2 = REJECT you} }");
    ClientAccessCheck check({"client_access_maps", {&table}}, {.default_action = kRefused},
                            tables::DirectReader(), {}, &AtTheBeginning);
    const auto verdict = check.AsRemembered(request, {});
    ASSERT_TRUE(verdict.has_value());
    EXPECT_EQ(verdict->action, "REJECT you");
}

TEST_F(ClientAccessCheckTest, SaysNothingOfARequestWithoutAClient) {
    request.client_address = "";
    EXPECT_EQ(AnswerFor("OK"), "");
}

TEST_F(ClientAccessCheckTest, AsksAgainWhereATableIsToWriteToTheLog) {
    tables::FakeTable table{{"192.0.2.1", "WARN seen"}};
    ClientAccessCheck::Memory memory;
    memory.fresh_time = std::chrono::seconds(60);
    ClientAccessCheck check({"client_access_maps", {&table}}, {.default_action = "DUNNO"},
                            tables::DirectReader(), memory, &AtTheBeginning);
    EXPECT_EQ(ActionOf(check, request), "");
    EXPECT_FALSE(check.AtHand(request));
}

TEST_F(ClientAccessCheckTest, AClientInNoTableGetsTheDefault) {
    tables::FakeTable table;
    EXPECT_EQ(Answer({&table}), kRefused);
    EXPECT_EQ(Answer({}), kRefused);
    EXPECT_EQ(Answer({&table}, "DUNNO"), "");
}

TEST_F(ClientAccessCheckTest, AClientThatIsPermittedGoesOnToTheNextCheck) {
    EXPECT_EQ(AnswerFor("OK"), "");
    EXPECT_EQ(AnswerFor("550"), "") << "digits alone are OK to Postfix";
}

TEST_F(ClientAccessCheckTest, DunnoGoesOnToTheNextTableAndThenToTheDefault) {
    EXPECT_EQ(AnswerFor("DUNNO"), kRefused);
    tables::FakeTable first{{"192.0.2.1", "DUNNO"}}, second{{"192.0.2.1", "OK"}};
    EXPECT_EQ(Answer({&first, &second}), "");
}

TEST_F(ClientAccessCheckTest, EachTableIsSearchedCompletelyBeforeTheNext) {
    tables::FakeTable first{{"192", "REJECT first"}}, second{{"mx.example.com", "OK"}};
    EXPECT_EQ(Answer({&first, &second}), "REJECT first");
}

TEST_F(ClientAccessCheckTest, AnActionBesideTheDecisionIsAnsweredUnlessSomethingRefuses) {
    EXPECT_EQ(AnswerFor("PREPEND X-List: yes", "DUNNO"), "PREPEND X-List: yes");
    EXPECT_EQ(AnswerFor("PREPEND X-List: yes"), kRefused);
    tables::FakeTable first{{"192.0.2.1", "HOLD"}}, second{{"192.0.2.1", "OK"}};
    EXPECT_EQ(Answer({&first, &second}), "HOLD");
}

TEST_F(ClientAccessCheckTest, DeferIfRejectMakesARefusalTemporary) {
    EXPECT_EQ(AnswerFor("DEFER_IF_REJECT busy"), "DEFER busy");
    EXPECT_EQ(AnswerFor("DEFER_IF_REJECT busy", "450 4.7.1 later"), "450 4.7.1 later");
}

TEST_F(ClientAccessCheckTest, ADeferralWinsOverAnotherActionBesideThePermission) {
    tables::FakeTable first{{"192.0.2.1", "HOLD"}}, second{{"192.0.2.1", "DEFER_IF_PERMIT soon"}};
    EXPECT_EQ(Answer({&first, &second}, "DUNNO"), "DEFER_IF_PERMIT soon");
    EXPECT_EQ(Answer({&first, &second}), kRefused);
}

TEST_F(ClientAccessCheckTest, TheDefaultIsOneOfSeveralActionsWhateverItsCase) {
    EXPECT_EQ(AnswerFor("PREPEND X-List: yes", "hold"), "HOLD");
    EXPECT_EQ(AnswerFor("HOLD", "PREPEND X-List: no"), "HOLD");
    EXPECT_EQ(AnswerFor("DEFER_IF_PERMIT soon", "discard"), "DEFER_IF_PERMIT soon");
    EXPECT_EQ(AnswerFor("HOLD", "DEFER_IF_REJECT busy"), "HOLD");
    EXPECT_EQ(AnswerFor("DUNNO", "DEFER_IF_REJECT busy"), "DEFER_IF_REJECT busy");
    EXPECT_EQ(AnswerFor("PREPEND X-List: yes", "DEFER_IF_REJECT busy"), "DEFER_IF_REJECT busy");
}

TEST_F(ClientAccessCheckTest, OfSeveralActionsTheOneThatDoesMostIsAnswered) {
    tables::FakeTable prepend{{"192.0.2.1", "PREPEND X-A: b"}}, hold{{"192.0.2.1", "HOLD"}},
        first{{"192.0.2.1", "REDIRECT a@x.example"}}, last{{"192.0.2.1", "REDIRECT b@x.example"}};
    EXPECT_EQ(Answer({&prepend, &hold, &first}, "DUNNO"), "HOLD");
    EXPECT_EQ(Answer({&prepend, &first, &last}, "DUNNO"), "REDIRECT b@x.example");
    tables::FakeTable filter{{"192.0.2.1", "FILTER smtp:[192.0.2.9]"}};
    EXPECT_EQ(Answer({&filter, &first}, "DUNNO"), "REDIRECT a@x.example");
    EXPECT_EQ(Answer({&first, &filter}, "DUNNO"), "REDIRECT a@x.example");
}

// Passed on at once, a client that is on no list would get in wherever the restriction lets it.
TEST_F(ClientAccessCheckTest, RestrictionsAreAskedInSteadOfAPermissionNotOfTheDefault) {
    EXPECT_EQ(AnswerFor("reject_unknown_client_hostname"), kRefused);
    EXPECT_EQ(AnswerFor("reject_unknown_client_hostname", "DUNNO"),
              "reject_unknown_client_hostname");
    EXPECT_EQ(AnswerFor("permit_mynetworks, reject"), "permit_mynetworks, reject");
    EXPECT_EQ(AnswerFor("reject_unknown_client_hostname, permit"),
              "reject_unknown_client_hostname");
}

TEST_F(ClientAccessCheckTest, ADeferralWinsOverDiscardingWhichIsAPermission) {
    tables::FakeTable first{{"192.0.2.1", "DEFER_IF_PERMIT soon"}},
        second{{"192.0.2.1", "DISCARD"}};
    EXPECT_EQ(Answer({&first, &second}), "DEFER_IF_PERMIT soon");
    EXPECT_EQ(Answer({&second, &first}), "DISCARD");
}

TEST_F(ClientAccessCheckTest, DeferralsAreTakenAlongWithRestrictions) {
    tables::FakeTable first{{"192.0.2.1", "DEFER_IF_PERMIT soon"}},
        second{{"192.0.2.1", "reject_unauth_pipelining"}};
    EXPECT_EQ(Answer({&first, &second}, "DUNNO"), "defer_if_permit, reject_unauth_pipelining");
    tables::FakeTable rejected{{"192.0.2.1", "DEFER_IF_REJECT busy"}};
    EXPECT_EQ(Answer({&rejected, &second}, "DUNNO"), "defer_if_reject, reject_unauth_pipelining");
}

TEST_F(ClientAccessCheckTest, OfSeveralDeferralsOfAKindTheFirstIsAnswered) {
    for (const std::string deferral : {"DEFER_IF_PERMIT", "DEFER_IF_REJECT"}) {
        tables::FakeTable first{{"192.0.2.1", deferral + " first"}},
            second{{"192.0.2.1", deferral + " second"}};
        EXPECT_EQ(Answer({&first, &second}, "DUNNO"), deferral + " first");
    }
}

TEST_F(ClientAccessCheckTest, AWarningIsNoDecision) {
    EXPECT_EQ(AnswerFor("WARN look at this"), kRefused);
    EXPECT_EQ(AnswerFor("INFO look at this", "DUNNO"), "");
    EXPECT_EQ(AnswerFor("HOLD it", "WARN look at this"), "HOLD it");
    EXPECT_EQ(AnswerFor("DUNNO", "WARN look at this"), "WARN look at this");
}

TEST_F(ClientAccessCheckTest, ATableThatCannotAnswerOrMakesNoSenseIsAnOutage) {
    tables::FakeTable broken;
    broken.broken = true;
    EXPECT_THROW(Answer({&broken}), outage::TableUnavailable);
    EXPECT_THROW(AnswerFor("nonsense"), outage::TableUnavailable);
}

TEST_F(ClientAccessCheckTest, SaysNothingAtTheEndOfAMessage) {
    request.stage = protocol::Stage::kEndOfMessage;
    EXPECT_EQ(AnswerFor("REJECT"), "");
}

}  // namespace
}  // namespace policyd::checks
