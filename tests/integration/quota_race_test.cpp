// A nearly full mailbox, and many sessions at once with a real Postfix: exactly as many messages
// arrive as fit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policyd/checks/delivery_overhead.hpp"
#include "tests/integration/quota_site.hpp"

namespace policyd::test {
namespace {

constexpr std::uint64_t kLimit = 200'000;

/// What delivery is estimated to add to these messages.
std::uint64_t Overhead(const std::string& recipient) {
    protocol::PolicyRequest request;
    request.helo_name = "client.test";
    request.client_name = "unknown";
    request.client_address = "127.0.0.1";
    request.sender = "sender@elsewhere.example";
    recipients::Mailbox mailbox;
    mailbox.address = "ann@example.com";
    return checks::EstimatedOverhead(request, recipient, {mailbox}, {"mx.lab.test", false});
}

/// How many more messages of this size fit beside what was measured.
std::uint64_t Fit(std::uint64_t limit, std::uint64_t measured, std::uint64_t size,
                  const std::string& recipient = "ann@example.com") {
    return (limit - measured) / (size + Overhead(recipient));
}

class QuotaRaceTest : public testing::Test {
protected:
    const std::string message_ = SampleMessage(3'000);
    const std::uint64_t size_ = QuotaSite::SizeOf(message_);
};

TEST_F(QuotaRaceTest, ExactlyAsManyMessagesArriveAsFit) {
    const QuotaSite site({{"virtual_mailbox_limit_maps", QuotaSite::Limits({"ann=200000"})}});
    ASSERT_THAT(site.Send({{"ann@example.com"}, SampleMessage(150'000)}),
                testing::ElementsAre(250, 250));
    site.SendAtOnce(1, 0, {});
    site.Scan();
    const std::uint64_t fit = Fit(kLimit, site.BytesOf("ann"), size_);
    ASSERT_GT(fit, 5u);

    site.SendAtOnce(20, 3, {{"ann@example.com"}, message_});

    EXPECT_EQ(site.FilesOf("ann").size(), 1 + fit);
    EXPECT_THAT(site.Send({{"ann@example.com"}, message_}), testing::ElementsAre(452, 250));
    site.Scan();
    EXPECT_THAT(site.Send({{"ann@example.com"}, message_}), testing::ElementsAre(552, 250));
    EXPECT_LE(site.BytesOf("ann"), kLimit);
}

TEST_F(QuotaRaceTest, WithoutADeclaredSizeTheEndOfTheMessageDecides) {
    const QuotaSite site({{"virtual_mailbox_limit_maps", QuotaSite::Limits({"ann=200000"})}});
    const QuotaSite::Mail mail{{"ann@example.com"}, message_, false};
    site.SendAtOnce(20, 4, mail);
    // What the refused ones held while they were under way is free now.
    std::vector<int> codes;
    do {
        codes = site.Send(mail);
    } while (codes.back() == 250 && codes.front() == 250);
    EXPECT_EQ(codes.back(), 452);
    site.SendAtOnce(1, 0, {});

    EXPECT_EQ(site.FilesOf("ann").size(), Fit(kLimit, 0, size_));
    EXPECT_LE(site.BytesOf("ann"), kLimit);
}

TEST_F(QuotaRaceTest, AnAliasDeliversAsLongAsOneOfItsTargetsHasRoom) {
    const QuotaSite site(
        {{"virtual_mailbox_limit_maps", QuotaSite::Limits({"ann=20000", "bob=60000"})}});
    site.SendAtOnce(20, 2, {{"team@example.com"}, message_});

    const std::uint64_t fit = Fit(60'000, 0, size_, "team@example.com");
    EXPECT_EQ(site.FilesOf("bob").size(), fit);
    EXPECT_EQ(site.FilesOf("ann").size(), fit) << "the rule of the option";
    EXPECT_LE(site.BytesOf("bob"), 60'000u);
}

TEST_F(QuotaRaceTest, AnAliasDeliversAsLongAsAllOfItsTargetsHaveRoom) {
    const QuotaSite site(
        {{"virtual_mailbox_limit_maps", QuotaSite::Limits({"ann=40000", "bob=60000"})},
         {"full_target_refuses", "\"any\""}});
    site.SendAtOnce(20, 2, {{"team@example.com"}, message_});

    const std::uint64_t fit = Fit(40'000, 0, size_, "team@example.com");
    EXPECT_EQ(site.FilesOf("ann").size(), fit);
    EXPECT_EQ(site.FilesOf("bob").size(), fit);
    site.SendAtOnce(20, 1, {{"bob@example.com"}, message_});
    const std::uint64_t held = fit * (size_ + Overhead("team@example.com"));
    EXPECT_EQ(site.FilesOf("bob").size(), fit + Fit(60'000, held, size_))
        << "nothing was left behind";
}

TEST_F(QuotaRaceTest, EachOfSeveralRecipientsGetsWhatFits) {
    const QuotaSite site(
        {{"virtual_mailbox_limit_maps", QuotaSite::Limits({"ann=20000", "bob=60000"})}});
    site.SendAtOnce(20, 2, {{"ann@example.com", "bob@example.com", "eve@example.com"}, message_});

    EXPECT_EQ(site.FilesOf("ann").size(), Fit(20'000, 0, size_));
    EXPECT_EQ(site.FilesOf("bob").size(), Fit(60'000, 0, size_));
    EXPECT_EQ(site.FilesOf("eve").size(), 40u) << "she has no limit";
    site.Scan();
    EXPECT_LE(site.BytesOf("ann"), 20'000u);
    EXPECT_LE(site.BytesOf("bob"), 60'000u);
}

}  // namespace
}  // namespace policyd::test
