#include "policyd/server/decision.hpp"

#include <gtest/gtest.h>

#include "tests/support/scratch_directory.hpp"

namespace policyd::server {
namespace {

/// Decisions about mail for ann, who may have 1000 bytes. They wait for the usage store.
class DecisionTest : public testing::Test {
protected:
    DecisionTest() {
        settings_.checks = {"mailbox_quota"};
        settings_.virtual_mailbox_domains = {"example.org"};
        settings_.virtual_mailbox_maps = {
            "inline:{ann@example.org=example.org/ann/, bob@example.org=example.org/bob/}"};
        settings_.virtual_mailbox_limit_maps = {
            "inline:{ann@example.org=1000, bob@example.org=1000}"};
        settings_.delivery_overhead = "0";
        settings_.full_at_end_of_message = "reject";
        settings_.usage_store = "sqlite:" + (scratch_ / "usage.sqlite").string();
    }
    ~DecisionTest() override {
        services_.reset();
        loop_.Drain();
    }

    std::shared_ptr<Decision> Begin(protocol::Stage stage, std::uint64_t size) {
        auto decision = std::make_shared<Decision>(std::make_shared<const std::string>("mx"));
        Begin(decision, stage, size, "ann@example.org");
        return decision;
    }
    void Begin(const std::shared_ptr<Decision>& decision, protocol::Stage stage, std::uint64_t size,
               std::string_view recipient) {
        if (services_ == nullptr)
            services_ = std::make_shared<services::Services>(loop_, settings_, shared_);
        decision->request.postfix_host = "mx";
        decision->request.client_address = "192.0.2.1";
        decision->request.instance = "m1";
        decision->request.stage = stage;
        decision->request.recipient = recipient;
        decision->request.recipient_count = stage == protocol::Stage::kEndOfMessage ? 1 : 0;
        decision->request.size = size;
        Decision::Start(decision, services_);
    }

    /// The action.
    std::string Said(const std::shared_ptr<Decision>& decision) {
        const auto said = [](Decision& of) -> async::Task<std::string> {
            const checks::CheckPipeline::Said& what = co_await of.Said();
            co_return what.verdict.action;
        };
        return loop_.RunUntilDone(said(*decision));
    }
    std::string Decided(protocol::Stage stage, std::uint64_t size) {
        return Said(Begin(stage, size));
    }
    /// What is said as soon as it is asked, and then it ends alone.
    std::string SaidAtOnce(protocol::Stage stage, std::uint64_t size) {
        const auto decision = Begin(stage, size);
        decision->Expire();
        EXPECT_TRUE(decision->HasExpired());
        std::string said = Said(decision);
        while (decision.use_count() > 1) loop_.RunOnce();
        EXPECT_EQ(Said(decision), said) << "it stays with what it said";
        return said;
    }

    std::uint64_t Reserved() {
        const auto usage = loop_.RunUntilDone(services_->UsageStore().Find("ann@example.org"));
        return usage ? usage->reserved_bytes : 0;
    }

    static constexpr auto kRcpt = protocol::Stage::kRcpt;
    static constexpr auto kEnd = protocol::Stage::kEndOfMessage;

    const test::ScratchDirectory scratch_;
    async::EventLoop loop_;
    config::Settings settings_;
    services::SharedState shared_;
    std::shared_ptr<services::Services> services_;
};

TEST_F(DecisionTest, WhatIsLetPassInTheEndAsWellIsChargedOnce) {
    EXPECT_EQ(SaidAtOnce(kRcpt, 500), "");
    EXPECT_EQ(Reserved(), 500u);
    EXPECT_EQ(SaidAtOnce(kEnd, 600), "");
    EXPECT_EQ(Reserved(), 600u);
    EXPECT_EQ(shared_.owed.Size(), 0u);
}

TEST_F(DecisionTest, AlsoWhatAnotherCheckRemarkedOnWasLetPass) {
    settings_.checks = {"client_access", "mailbox_quota"};
    settings_.client_access_maps = {"inline:{ {192.0.2.1 = PREPEND X-Seen: yes} }"};
    EXPECT_EQ(SaidAtOnce(kRcpt, 500), "PREPEND X-Seen: yes");
    EXPECT_EQ(Reserved(), 500u);
    EXPECT_EQ(shared_.owed.Size(), 0u);
}

TEST_F(DecisionTest, WhatWasLetPassAndWouldHaveBeenRefusedIsChargedToo) {
    EXPECT_EQ(Decided(kRcpt, 0), "");
    EXPECT_EQ(SaidAtOnce(kEnd, 5000), "");
    EXPECT_EQ(shared_.owed.Size(), 1u);
    loop_.RunUntilDone(services_->Tend());
    EXPECT_EQ(Reserved(), 5000u);
}

TEST_F(DecisionTest, WhatWasRefusedAndWouldHaveBeenLetPassIsGivenBack) {
    settings_.usage_store_failure_action = "DEFER_IF_PERMIT 4.3.0 Later";
    EXPECT_EQ(SaidAtOnce(kRcpt, 500), "DEFER_IF_PERMIT 4.3.0 Later");
    EXPECT_EQ(Reserved(), 500u);
    EXPECT_EQ(shared_.owed.Size(), 1u);
    loop_.RunUntilDone(services_->Tend());
    EXPECT_EQ(Reserved(), 0u);
}

TEST_F(DecisionTest, CannotExpireOnceItIsMade) {
    const auto decision = Begin(kRcpt, 5000);
    const std::string full = "552 5.2.2 Mailbox is full";
    EXPECT_EQ(Said(decision), full);
    decision->Expire();
    EXPECT_FALSE(decision->HasExpired());
    EXPECT_EQ(Said(decision), full);
}

TEST_F(DecisionTest, MadeAnewItKnowsNothingOfTheLastOne) {
    const auto decision = Begin(kRcpt, 5000);
    decision->bytes = "the last request";
    EXPECT_NE(Said(decision), "");
    decision->Reset();
    EXPECT_EQ(decision->bytes, "");
    Begin(decision, kRcpt, 500, "bob@example.org");
    EXPECT_EQ(Said(decision), "");
    const auto bob = loop_.RunUntilDone(services_->UsageStore().Find("bob@example.org"));
    EXPECT_EQ(bob->reserved_bytes, 500u);
    decision->Reset();
    Begin(decision, kRcpt, 5000, "ann@example.org");
    EXPECT_NE(Said(decision), "");
}

}  // namespace
}  // namespace policyd::server
