#include "policyd/checks/delivery_overhead.hpp"

#include <gtest/gtest.h>

namespace policyd::checks {
namespace {

// That it is an upper bound is for the real Postfix to say (tests/integration).
class EstimatedOverheadTest : public testing::Test {
protected:
    EstimatedOverheadTest() {
        request_.helo_name = "mx.a.example";
        request_.client_name = "mx.a.example";
        request_.client_address = "192.0.2.1";
        request_.sender = "joe@a.example";
        mailboxes_.emplace_back().address = "ann@b.example";
    }

    std::uint64_t Estimated() const {
        return EstimatedOverhead(request_, "ann@b.example", mailboxes_, rules_);
    }

    protocol::PolicyRequest request_;
    std::vector<recipients::Mailbox> mailboxes_;
    DeliveryRules rules_{"mx.b.example", false};
};

TEST_F(EstimatedOverheadTest, GrowsWithTheNamesInTheHeaders) {
    const std::uint64_t before = Estimated();
    request_.helo_name = "mx1.a.example";
    EXPECT_EQ(Estimated(), before + 1) << "Received";
    request_.sender = "jane@a.example";
    EXPECT_EQ(Estimated(), before + 3) << "Return-Path, and From where it is missing";
    mailboxes_.emplace_back().address = "longer@b.example";
    EXPECT_EQ(Estimated(), before + 6) << "Delivered-To";
    rules_.myhostname += "x";
    EXPECT_EQ(Estimated(), before + 8) << "Received, and Message-Id where it is missing";
}

TEST_F(EstimatedOverheadTest, CountsTheQuotesAndBackslashesThatHeadersNeed) {
    const std::uint64_t before = Estimated();
    request_.sender = "jo\"@a.example";
    EXPECT_EQ(Estimated(), before + 2 * 3) << "\"jo\\\"\"@a.example, twice";
    request_.sender = "j..@a.example";
    EXPECT_EQ(Estimated(), before + 2 * 2);
}

TEST_F(EstimatedOverheadTest, CountsAnExtensionInWhatTheMailIsDeliveredTo) {
    const std::uint64_t plain = EstimatedOverhead(request_, "ann+x@b.example", mailboxes_, rules_);
    rules_.delimiters = "-+";
    EXPECT_EQ(EstimatedOverhead(request_, "ann+x@b.example", mailboxes_, rules_), plain + 2);
    EXPECT_EQ(EstimatedOverhead(request_, "ann@b-c.example", mailboxes_, rules_), plain);
}

TEST_F(EstimatedOverheadTest, CountsTheRecipientInTheHeadersOfACatchAllMailbox) {
    mailboxes_.front().address = "@b.example";
    const std::uint64_t plain = Estimated();
    EXPECT_EQ(
        EstimatedOverhead(request_, "x" + std::string(50, 'x') + "@b.example", mailboxes_, rules_),
        plain + 3 * (51 - 3));
}

TEST_F(EstimatedOverheadTest, IsLargerWithEncryptionAuthenticationAndLmtp) {
    const std::uint64_t plain = Estimated();
    request_.encryption_protocol = "TLSv1.3";
    const std::uint64_t encrypted = Estimated();
    EXPECT_GT(encrypted, plain);
    request_.sasl_username = "joe";
    const std::uint64_t authenticated = Estimated();
    EXPECT_GT(authenticated, encrypted);
    rules_.adds_lmtp = true;
    EXPECT_GT(Estimated(), authenticated);
}

TEST_F(EstimatedOverheadTest, GrowsWithTheLinesThatLmtpMayHaveToBreak) {
    const std::uint64_t plain = Estimated();
    request_.size = 1'000'000;
    EXPECT_EQ(Estimated(), plain);
    request_.size = 0;
    rules_.adds_lmtp = true;
    const std::uint64_t with_lmtp = Estimated();
    request_.size = 1'000'000;
    EXPECT_EQ(Estimated(), with_lmtp + 2 * (1'000'000 / 998));
}

}  // namespace
}  // namespace policyd::checks
