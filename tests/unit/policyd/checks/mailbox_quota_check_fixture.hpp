#pragma once

#include <gtest/gtest.h>

#include "common/protocol/message_name.hpp"
#include "policyd/checks/mailbox_quota_check.hpp"
#include "tests/support/fixed_recipients.hpp"
#include "tests/support/memory_usage_store.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::checks {

using protocol::PolicyRequest;
using protocol::Stage;

/// The check on its own: who asks it, and what the tables and the usage store say.
class MailboxQuotaCheckTest : public testing::Test {
protected:
    MailboxQuotaCheckTest() {
        recipients_.Add("ann@example.com", {"ann@example.com"}, 1000);
        recipients_.Add("bob@example.com", {"bob@example.com"}, 1000);
        recipients_.Add("team@example.com", {"ann@example.com", "bob@example.com"}, 1000);
        recipients_.Add("archive@example.com", {"archive@example.com"}, 0);
        Use({});
    }

    void Use(const QuotaRules& rules) { Use(rules, recipients_); }
    void Use(const QuotaRules& rules, test::FixedRecipients& recipients) {
        Use(rules, recipients, usage_);
    }
    void Use(const QuotaRules& rules, test::FixedRecipients& recipients, usage::UsageStore& usage) {
        const MailboxQuotaCheck::Parts parts{recipients.Cache(), usage, warnings_,
                                             messages_,          owed_, average_};
        check_ = std::make_unique<MailboxQuotaCheck>(
            parts, rules, [this] { return now_; }, [this] { return text::WallTime(now_); });
    }

    void SetTime(std::chrono::milliseconds now) { now_ = usage_.now = now; }

    /// The action, "" for no opinion.
    std::string AtRcpt(std::string_view recipient, std::uint64_t size,
                       std::string_view instance = "1") {
        return Ask(Stage::kRcpt, recipient, size, 0, instance);
    }
    /// The same of what is at hand; "nothing" where that does not suffice.
    std::string AtHand(std::string_view recipient, std::uint64_t size,
                       std::string_view instance = "1") {
        const auto verdict = check_->AtHand(Request(Stage::kRcpt, recipient, size, 0, instance));
        return verdict ? verdict->action : "nothing";
    }
    /// Both are recipients of a message of which no size is known yet.
    void LetAnnAndBobPass() {
        for (const char* recipient : {"ann@example.com", "bob@example.com"})
            EXPECT_EQ(AtRcpt(recipient, 0), "") << recipient;
    }
    /// With so little room that 500 bytes are too much, and copies of their usage at hand where
    /// nothing is reserved.
    void FillAnnAndBobAndLetThemPass(bool reserves) {
        QuotaRules rules;
        rules.reservations = reserves;
        rules.room.copy_time = std::chrono::milliseconds(1000);
        Use(rules);
        usage_.entries.clear();
        usage_.Measure("ann@example.com", 900);
        usage_.Measure("bob@example.com", 900);
        LetAnnAndBobPass();
    }
    std::string AtEnd(std::string_view recipient, std::uint64_t size, std::uint64_t count = 1,
                      std::string_view instance = "1") {
        return Ask(Stage::kEndOfMessage, recipient, size, count, instance);
    }
    /// The action in an outage of the store: "no opinion", or "nothing" where nothing is
    /// remembered.
    std::string Remembered(std::string_view recipient, std::uint64_t size,
                           bool is_found_out = true) {
        PolicyRequest request;
        request.stage = Stage::kRcpt;
        request.recipient = recipient;
        request.size = size;
        Findings findings;
        const auto known = recipients_.Cache().Remembered(recipient, std::chrono::hours(1));
        if (known && is_found_out) findings.recipients.push_back({std::string(recipient), known});
        const auto verdict = check_->AsRemembered(request, findings);
        if (!verdict) return "nothing";
        return verdict->HasOpinion() ? verdict->action : "no opinion";
    }
    void EndMessage(std::string_view instance) { Finish(check_->EndMessage(NameOf(instance))); }
    void LeaveMessage(std::string_view instance) { Finish(check_->LeaveMessage(NameOf(instance))); }
    void WasLetPass(Stage stage, std::string_view recipient, std::uint64_t size,
                    std::string_view instance = "1") {
        const PolicyRequest request = Request(stage, recipient, size, 0, instance);
        test::RunToEnd(Done(check_->WasLetPass(request, findings_)));
    }
    void WasRefused(Stage stage, std::string_view recipient, std::uint64_t size,
                    std::string_view instance = "1") {
        const PolicyRequest request = Request(stage, recipient, size, 0, instance);
        test::RunToEnd(Done(check_->WasRefused(request, findings_)));
    }
    /// The store is told what it missed.
    void Pay() {
        test::RunToEnd(Done(owed_.Pay(usage_, [this] { return now_; })));
    }

    /// And so many bytes are reserved for each of ann and bob then.
    void PayAndExpectReserved(std::uint64_t bytes) {
        Pay();
        for (const char* mailbox : {"ann@example.com", "bob@example.com"})
            EXPECT_EQ(usage_.ReservedIn(mailbox), bytes) << mailbox;
    }

    static PolicyRequest Request(Stage stage, std::string_view recipient, std::uint64_t size,
                                 std::uint64_t count, std::string_view instance) {
        PolicyRequest request;
        request.stage = stage;
        request.recipient = recipient;
        request.size = size;
        request.recipient_count = count;
        request.instance = instance;
        request.postfix_host = "mx1";
        return request;
    }

    std::string Ask(Stage stage, std::string_view recipient, std::uint64_t size,
                    std::uint64_t count, std::string_view instance) {
        const PolicyRequest request = Request(stage, recipient, size, count, instance);
        findings_ = {};
        return test::RunToEnd(check_->Evaluate(request, findings_)).action;
    }

    std::string NameOf(std::string_view instance) {
        PolicyRequest request;
        request.instance = instance;
        request.postfix_host = "mx1";
        return protocol::MessageName(request);
    }

    static void Finish(PolicyCheck::Rest rest) {
        if (rest) test::RunToEnd(std::move(*rest));
    }
    static async::Task<bool> Done(async::Task<void> task) {
        co_await task;
        co_return true;
    }

    std::chrono::milliseconds now_{0};
    test::FixedRecipients recipients_;
    test::MemoryUsageStore usage_;
    ChangedMailboxes changed_;
    QuotaWarnings warnings_{usage_, recipients_, changed_, {}, [](const Warning&) {}};
    MessageTracker messages_{100, std::chrono::hours(1)};
    Findings findings_;  // of the last request
    OwedChanges owed_{100};
    SiteAverage average_;
    std::unique_ptr<MailboxQuotaCheck> check_;
    const std::string kFull = "552 5.2.2 Mailbox is full";
    const std::string kPerhapsFull = "452 4.2.2 Mailbox is full";
};

}  // namespace policyd::checks
