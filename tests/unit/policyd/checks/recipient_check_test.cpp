#include "policyd/checks/recipient_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fixed_recipients.hpp"
#include "tests/unit/policyd/checks/action_of.hpp"

namespace policyd::checks {
namespace {

using recipients::Resolution;
using std::chrono::milliseconds;

/// Says the same of everybody.
class OneAnswer final : public recipients::RecipientResolver {
public:
    OneAnswer(Resolution::Kind kind, const char* refusal) {
        resolution_.kind = kind;
        if (refusal != nullptr) resolution_.refusal = std::make_shared<const std::string>(refusal);
    }
    async::Task<Resolution> Resolve(std::string_view) override { co_return resolution_; }
    async::Task<recipients::Mailbox> LimitsOf(std::string_view) override {
        co_return recipients::Mailbox();
    }

private:
    Resolution resolution_;
};

std::string ActionFor(Resolution::Kind kind, const char* refusal,
                      const char* unknown_recipient_action = "550 5.1.1 User unknown") {
    OneAnswer resolver(kind, refusal);
    const auto cache = recipients::MakeRecipientCache(resolver, {}, [] { return milliseconds(0); });
    RecipientCheck check(*cache, unknown_recipient_action, {});
    protocol::PolicyRequest request;
    request.stage = protocol::Stage::kRcpt;
    request.recipient = "ann@example.com";
    return ActionOf(check, request);
}

class RecipientCheckTest : public testing::Test {
protected:
    RecipientCheckTest() {
        recipients_.Add("ann@example.com", {"ann@example.com"}, 0);
        recipients_.AddUnknown("nobody@example.com");
        request_.stage = protocol::Stage::kRcpt;
    }

    /// The action of what is said at hand or of what is remembered; "nothing" for nothing.
    static std::string ActionIn(const std::optional<Verdict>& verdict) {
        return verdict ? verdict->action : "nothing";
    }

    test::FixedRecipients recipients_{milliseconds(1000)};
    protocol::PolicyRequest request_;
};

TEST_F(RecipientCheckTest, RefusesOnlyUnknownAndDeferredRecipientsAndOnlyAtRcpt) {
    test::FixedRecipients recipients;
    recipients.Add("ann@example.com", {"ann@example.com"}, 0);
    recipients.AddUnknown("nobody@example.com");
    recipients.AddDeferred("later@example.com");
    RecipientCheck check(recipients.Cache(), "550 5.1.1 User unknown", {});
    const auto ask = [&check](protocol::Stage stage, std::string_view recipient) {
        protocol::PolicyRequest request;
        request.stage = stage;
        request.recipient = recipient;
        return ActionOf(check, request);
    };
    using protocol::Stage;
    EXPECT_EQ(ask(Stage::kRcpt, "nobody@example.com"), "550 5.1.1 User unknown");
    EXPECT_THAT(ask(Stage::kRcpt, "later@example.com"),
                testing::HasSubstr("DEFER_IF_PERMIT 4.1.1 "));
    EXPECT_EQ(ask(Stage::kRcpt, "ann@example.com"), "");
    EXPECT_EQ(ask(Stage::kRcpt, "someone@elsewhere.example"), "");
    EXPECT_EQ(ask(Stage::kEndOfMessage, "nobody@example.com"), "");
    recipients.down = true;
    EXPECT_THROW(ask(Stage::kRcpt, "ann@example.com"), outage::TableUnavailable);
}

TEST_F(RecipientCheckTest, SaysWhatTheTablesHaveForTheSenderUnlessNobodyIsRefusedForGood) {
    EXPECT_EQ(ActionFor(Resolution::Kind::kUnknown, "5.1.6 User has moved"),
              "550 5.1.6 User has moved");
    EXPECT_EQ(ActionFor(Resolution::Kind::kUnknown, nullptr), "550 5.1.1 User unknown");
    EXPECT_EQ(ActionFor(Resolution::Kind::kUnknown, "5.1.6 User has moved", "450 4.1.1 Later"),
              "450 4.1.1 Later");
    EXPECT_EQ(ActionFor(Resolution::Kind::kDeferred, "4.2.0 Moving"),
              "DEFER_IF_PERMIT 4.2.0 Moving");
}

TEST_F(RecipientCheckTest, AnswersAtHandOnlyWhatIsRemembered) {
    RecipientCheck check(recipients_.Cache(), "550 5.1.1 User unknown", {});
    for (const auto& [recipient, action] :
         {std::pair("ann@example.com", ""),
          std::pair("nobody@example.com", "550 5.1.1 User unknown")}) {
        request_.recipient = recipient;
        EXPECT_EQ(ActionIn(check.AtHand(request_)), "nothing");
        EXPECT_EQ(ActionOf(check, request_), action);
        EXPECT_EQ(ActionIn(check.AtHand(request_)), action);
    }
    request_.recipient = "";
    EXPECT_EQ(ActionIn(check.AtHand(request_)), "");
}

TEST_F(RecipientCheckTest, WhoIsKnownStaysSoWhileTheTablesCannotBeAsked) {
    test::FixedRecipients recipients;
    recipients.Add("ann@example.com", {"ann@example.com"}, 0);
    recipients.AddUnknown("nobody@example.com");
    for (const auto stale_time : {milliseconds(1000), milliseconds(0)}) {
        recipients.down = false;
        RecipientCheck check(recipients.Cache(), "550 5.1.1 User unknown", stale_time);
        const bool serves = stale_time.count() > 0;
        for (const char* recipient : {"ann@example.com", "nobody@example.com"}) {
            request_.recipient = recipient;
            ActionOf(check, request_);
        }
        recipients.down = true;
        EXPECT_THROW(ActionOf(check, request_), outage::TableUnavailable) << "nobody";
        EXPECT_EQ(ActionIn(check.AsRemembered(request_, {})), "nothing");
        request_.recipient = "ann@example.com";
        EXPECT_EQ(ActionIn(check.AsRemembered(request_, {})), serves ? "" : "nothing");
        if (serves) {
            EXPECT_EQ(ActionOf(check, request_), "");
        } else {
            EXPECT_THROW(ActionOf(check, request_), outage::TableUnavailable);
        }
    }
}

}  // namespace
}  // namespace policyd::checks
