#include "policyd/services/rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/config_error.hpp"

namespace policyd::services {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class RulesTest : public testing::Test {
protected:
    config::Settings settings_;
};

TEST_F(RulesTest, RowsAndWhatIsMadeOfThemAreTogetherNoOlderThanIsAllowed) {
    settings_.recipient_cache_time = seconds(40);
    settings_.unknown_recipient_cache_time = seconds(8);
    settings_.cache_size = 7;
    const tables::RowCacheTimes rows = RowCacheTimesFrom(settings_);
    const recipients::CacheTimes recipients = CacheTimesFrom(settings_);
    EXPECT_EQ(rows.found, seconds(10));
    EXPECT_EQ(rows.not_found, seconds(2));
    EXPECT_EQ(recipients.positive, seconds(30));
    EXPECT_EQ(recipients.negative, seconds(6));
    EXPECT_EQ(recipients.most, 7u);
    const auto clients = ClientMemoryFrom(settings_);
    EXPECT_EQ(clients.fresh_time, seconds(6)) << "he may have come into a table";
    EXPECT_EQ(clients.most_clients, 7u);
    settings_.recipient_cache_time = seconds(4);
    EXPECT_EQ(ClientMemoryFrom(settings_).fresh_time, seconds(3));
}

TEST_F(RulesTest, ACheckGoesByWhatItRemembersForAsLongAsItsOwnFailureActionSays) {
    settings_.stale_time = minutes(5);
    settings_.table_failure_action = "stale 1m, then DUNNO";
    EXPECT_EQ(StaleTime(settings_, ""), minutes(1));
    EXPECT_EQ(StaleTime(settings_, "defer"), minutes(5));
    settings_.client_access_failure_action = "stale 2m, then defer";
    settings_.recipient_failure_action = "stale 3m, then defer";
    settings_.mailbox_quota_failure_action = "stale 4m, then defer";
    EXPECT_EQ(ClientMemoryFrom(settings_).stale_time, minutes(2));
    EXPECT_EQ(CacheTimesFrom(settings_).longest_stale, minutes(4));
    EXPECT_EQ(QuotaRulesFrom(settings_).recipient_stale_time, minutes(4));
    settings_.recipient_failure_action = "stale 6m, then defer";
    EXPECT_EQ(CacheTimesFrom(settings_).longest_stale, minutes(6));
    EXPECT_EQ(TableFailure(settings_, "DUNNO").action, "DUNNO");
}

TEST_F(RulesTest, CopiesOfTheUsageServeInAnOutageOnlyWhereThatIsSaid) {
    settings_.stale_time = minutes(5);
    EXPECT_EQ(QuotaRulesFrom(settings_).room.stale_time, milliseconds(0));
    settings_.usage_store_failure_action = "stale 2m, then DUNNO";
    EXPECT_EQ(QuotaRulesFrom(settings_).room.stale_time, minutes(2));
}

TEST_F(RulesTest, ClientsAreLookedForAsTheirOptionsSay) {
    EXPECT_EQ(ClientRulesFrom(settings_).parents, tables::ParentStyle::kDomain);
    EXPECT_FALSE(ClientRulesFrom(settings_).permits_authenticated);
    settings_.parent_domain_matches_subdomains = {"relay_domains"};
    settings_.client_access_permit_sasl_authenticated = true;
    settings_.client_access_default = "REJECT";
    EXPECT_EQ(ClientRulesFrom(settings_).parents, tables::ParentStyle::kDotDomain);
    EXPECT_TRUE(ClientRulesFrom(settings_).permits_authenticated);
    EXPECT_EQ(ClientRulesFrom(settings_).default_action, "REJECT");
}

TEST_F(RulesTest, EachWordOfAnOptionOfTheQuotaMeansItself) {
    const auto rules = [this] { return QuotaRulesFrom(settings_); };
    using checks::FullTargetRefuses;
    EXPECT_EQ(rules().room.full_target_refuses, FullTargetRefuses::kAll);
    settings_.full_target_refuses = "any";
    EXPECT_EQ(rules().room.full_target_refuses, FullTargetRefuses::kAny);
    settings_.full_target_refuses = "never";
    EXPECT_EQ(rules().room.full_target_refuses, FullTargetRefuses::kNever);
    using checks::FullAtEndOfMessage;
    EXPECT_EQ(rules().full_at_end_of_message, FullAtEndOfMessage::kAccept);
    settings_.full_at_end_of_message = "defer";
    EXPECT_EQ(rules().full_at_end_of_message, FullAtEndOfMessage::kDefer);
    settings_.full_at_end_of_message = "reject";
    EXPECT_EQ(rules().full_at_end_of_message, FullAtEndOfMessage::kReject);
    using checks::StaleUsage;
    EXPECT_EQ(rules().room.stale_usage, StaleUsage::kIgnore);
    settings_.stale_usage = "defer";
    EXPECT_EQ(rules().room.stale_usage, StaleUsage::kDefer);
    settings_.stale_usage = "trust";
    EXPECT_EQ(rules().room.stale_usage, StaleUsage::kTrust);
}

TEST_F(RulesTest, EveryOptionOfTheQuotaReachesTheCheck) {
    settings_.mailbox_full_action = "552 full";
    settings_.mailbox_full_defer_action = "452 full";
    settings_.quota_grace_percent = 1;
    settings_.quota_grace = 2;
    settings_.usage_cache_time = milliseconds(3);
    settings_.cache_size = 4;
    settings_.usage_max_age = milliseconds(5);
    settings_.mailbox_full_soft_time = milliseconds(6);
    settings_.undeclared_size = "7";
    settings_.delivery_overhead = "8";
    settings_.quota_reservations = false;
    settings_.dry_run = {"mailbox_quota"};
    settings_.myhostname = "mx.example.org";
    settings_.recipient_delimiter = "+";
    const checks::QuotaRules rules = QuotaRulesFrom(settings_);
    EXPECT_EQ(rules.mailbox_full_action, "552 full");
    EXPECT_EQ(rules.mailbox_full_defer_action, "452 full");
    EXPECT_EQ(rules.room.grace_percent, 1u);
    EXPECT_EQ(rules.room.grace_bytes, 2u);
    EXPECT_EQ(rules.room.copy_time, milliseconds(3));
    EXPECT_EQ(rules.room.most_copies, 4u);
    EXPECT_EQ(rules.room.usage_max_age, milliseconds(5));
    EXPECT_EQ(rules.room.soft_time, milliseconds(6));
    EXPECT_EQ(rules.size.undeclared_size, 7u);
    EXPECT_EQ(rules.size.delivery_overhead, 8u);
    EXPECT_FALSE(rules.reservations);
    EXPECT_TRUE(rules.room.is_dry_run);
    EXPECT_EQ(rules.size.delivery.myhostname, "mx.example.org");
    EXPECT_EQ(rules.size.delivery.delimiters, "+");
    EXPECT_FALSE(rules.size.delivery.adds_lmtp);
    settings_.virtual_transport = "lmtp:unix:private/dovecot-lmtp";
    EXPECT_TRUE(QuotaRulesFrom(settings_).size.delivery.adds_lmtp);
}

TEST_F(RulesTest, WhoIsExemptIsFoundAsPostfixRewritesHim) {
    settings_.myorigin = "example.org";
    settings_.recipient_delimiter = "+";
    settings_.quota_exempt_recipients = {"ann@example.org"};
    settings_.quota_exempt_senders = {"boss@"};
    settings_.quota_exempt_clients = {"192.0.2.1"};
    const checks::Exemptions exempt = QuotaRulesFrom(settings_).exempt;
    protocol::PolicyRequest request;
    EXPECT_TRUE(exempt.Cover(request, "ann"));
    EXPECT_TRUE(exempt.Cover(request, "ann+x@example.org"));
    EXPECT_FALSE(exempt.Cover(request, "boss@example.org"));
    request.sender = "boss@example.org";
    EXPECT_TRUE(exempt.Cover(request, "bob@example.org"));
    request.sender = "";
    request.client_address = "192.0.2.1";
    EXPECT_TRUE(exempt.Cover(request, "bob@example.org"));
    settings_.quota_exempt_clients = {"no client"};
    EXPECT_THROW(QuotaRulesFrom(settings_), config::ConfigError);
}

TEST_F(RulesTest, WarningsAreInOrderAndForWhoeverHasALimit) {
    settings_.quota_warnings = {"95", "80"};
    settings_.quota_warning_hysteresis = 3;
    EXPECT_THAT(WarningRulesFrom(settings_).percents, testing::IsEmpty());
    settings_.virtual_mailbox_limit_maps = {"inline:{a=1}"};
    EXPECT_THAT(WarningRulesFrom(settings_).percents, testing::ElementsAre(80, 95));
    EXPECT_EQ(WarningRulesFrom(settings_).hysteresis, 3u);
    settings_.virtual_mailbox_message_limit_maps.swap(settings_.virtual_mailbox_limit_maps);
    EXPECT_THAT(WarningRulesFrom(settings_).percents, testing::ElementsAre(80, 95));
}

}  // namespace
}  // namespace policyd::services
