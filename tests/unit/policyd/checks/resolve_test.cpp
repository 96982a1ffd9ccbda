#include "policyd/checks/resolve.hpp"

#include <gtest/gtest.h>

#include "tests/support/fixed_recipients.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::checks {
namespace {

class ResolveTest : public testing::Test {
protected:
    ResolveTest() { recipients_.Add("ann@example.com", {"ann@example.com"}, 1000); }

    recipients::RecipientCache::Given Ask(
        Findings& findings, std::chrono::milliseconds stale_time = std::chrono::hours(1)) {
        return test::RunToEnd(
            Resolve(recipients_.Cache(), "ann@example.com", stale_time, findings));
    }

    test::FixedRecipients recipients_;
};

TEST_F(ResolveTest, ATableThatFailedARequestIsNotAskedAgainForIt) {
    Findings before;
    EXPECT_FALSE(Ask(before).is_stale);
    EXPECT_FALSE(before.recipient_tables_failed);

    recipients_.down = true;
    Findings findings;
    EXPECT_TRUE(Ask(findings).is_stale);
    EXPECT_TRUE(findings.recipient_tables_failed);
    const int asked = recipients_.asked;
    EXPECT_TRUE(Ask(findings).is_stale);
    EXPECT_EQ(recipients_.asked, asked);
}

TEST_F(ResolveTest, AlsoATableThatFailedWithoutLeavingAnythingIsNoted) {
    recipients_.down = true;
    Findings findings;
    EXPECT_THROW(Ask(findings), outage::TableUnavailable);
    EXPECT_TRUE(findings.recipient_tables_failed);
}

TEST_F(ResolveTest, IsAskedAgainWhereNothingSoOldMayServe) {
    Findings before;
    Ask(before);
    recipients_.down = true;
    Findings findings;
    findings.recipient_tables_failed = true;
    const int asked = recipients_.asked;
    EXPECT_THROW(Ask(findings, std::chrono::milliseconds(0)), outage::TableUnavailable);
    EXPECT_EQ(recipients_.asked, asked + 1);
}

}  // namespace
}  // namespace policyd::checks
