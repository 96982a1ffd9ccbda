#include "policyd/checks/portion.hpp"

#include "common/async/wake_up.hpp"
#include "tests/unit/policyd/checks/mailbox_quota_check_fixture.hpp"

namespace policyd::checks {
namespace {

TrackedRecipient WithMailboxes(std::size_t count) {
    auto resolution = std::make_shared<recipients::Resolution>();
    resolution->mailboxes.resize(count);
    TrackedRecipient recipient;
    recipient.resolution = std::move(resolution);
    return recipient;
}

TEST(PortionTest, EndsWhereThereAreAThousandMailboxes) {
    const std::vector<TrackedRecipient> plain(2'500, WithMailboxes(1));
    EXPECT_EQ(EndOfPortion(plain, 0), 1'000u);
    EXPECT_EQ(EndOfPortion(plain, 2'000), 2'500u);
    EXPECT_EQ(EndOfPortion(plain, 2'500), 2'500u);
    const std::vector<TrackedRecipient> lists(30, WithMailboxes(100));
    EXPECT_EQ(EndOfPortion(lists, 0), 10u);
    EXPECT_EQ(EndOfPortion(lists, 15), 25u);
}

TEST(PortionTest, HasOneRecipientHoweverManyMailboxesThatHas) {
    const std::vector<TrackedRecipient> lists{WithMailboxes(5'000), WithMailboxes(1)};
    EXPECT_EQ(EndOfPortion(lists, 0), 1u);
    EXPECT_EQ(EndOfPortion(lists, 1), 2u);
}

TEST(PortionTest, TakesWhoseMailGoesElsewhereForOneMailbox) {
    EXPECT_EQ(EndOfPortion(std::vector<TrackedRecipient>(1'500, WithMailboxes(0)), 0), 1'000u);
}

/// Reserves in rounds: what is asked for during one waits for the next.
class UsageStoreOfRounds final : public test::MemoryUsageStore {
public:
    async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
        ++under_way;
        co_await next_round.Wait();
        --under_way;
        co_return co_await MemoryUsageStore::Reserve(reservation);
    }

    int under_way = 0;
    async::WakeUp next_round;
};

class PortionsOfAMessageTest : public MailboxQuotaCheckTest {
protected:
    /// How many are under way at once at most, at the end of a message for so many recipients.
    int MostAtOnce(int recipients, std::uint64_t size) {
        for (int i = 0; i < recipients; ++i) {
            const std::string recipient = std::to_string(i) + "@example.com";
            recipients_.Add(recipient, {recipient.c_str()}, 1000);
            EXPECT_EQ(AtRcpt(recipient, 1), "");
        }
        UsageStoreOfRounds usage;
        QuotaRules rules;
        rules.full_at_end_of_message = FullAtEndOfMessage::kDefer;
        Use(rules, recipients_, usage);
        int most = 0;
        bool has_ended = false;
        const PolicyRequest request =
            Request(Stage::kEndOfMessage, "", size, static_cast<std::uint64_t>(recipients), "1");
        Findings findings;
        async::Spawn(End(request, findings, has_ended));
        while (usage.under_way > 0) {
            most = std::max(most, usage.under_way);
            usage.next_round.Set();
        }
        EXPECT_TRUE(has_ended);
        for (const char* one : {"0@example.com", "1000@example.com", "1499@example.com"})
            EXPECT_EQ(usage.ReservedIn(one), size) << one;
        return most;
    }

private:
    async::Task<void> End(const PolicyRequest& request, Findings& findings, bool& has_ended) {
        const Verdict verdict = co_await check_->Evaluate(request, findings);
        EXPECT_FALSE(verdict.HasOpinion());
        has_ended = true;
    }
};

TEST_F(PortionsOfAMessageTest, AreTakenAndChargedOneAfterTheOther) {
    EXPECT_EQ(MostAtOnce(1'500, 10), 1'000);
}

}  // namespace
}  // namespace policyd::checks
