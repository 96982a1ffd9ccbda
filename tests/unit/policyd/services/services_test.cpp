#include "policyd/services/services.hpp"

#include <gtest/gtest.h>

#include "tests/support/scratch_directory.hpp"

namespace policyd::services {
namespace {

using config::Settings;

TEST(AskAlikeTest, WhatConcernsNoTableMakesNoDifference) {
    Settings other;
    other.checks = {"recipient", "mailbox_quota"};
    other.mailbox_full_action = "552 full";
    other.recipient_cache_time *= 2;
    other.log_level = "debug";
    EXPECT_TRUE(AskAlike(Settings(), other));
}

TEST(AskAlikeTest, WhatIsAskedOrMadeOfTheAnswerMakesADifference) {
    const auto is_another = [](auto member, auto value) {
        Settings other;
        other.*member = value;
        return !AskAlike(Settings(), other) && !AskAlike(other, Settings());
    };
    const config::Strings table{"inline:{a=b}"};
    EXPECT_TRUE(is_another(&Settings::virtual_alias_maps, table));
    EXPECT_TRUE(is_another(&Settings::virtual_mailbox_limit_maps, table));
    EXPECT_TRUE(is_another(&Settings::mailbox_layout, "%d/%1u/%u"));
    EXPECT_TRUE(is_another(&Settings::client_access_maps, table));
    EXPECT_TRUE(is_another(&Settings::client_access_default, "REJECT"));
    EXPECT_TRUE(is_another(&Settings::refuse_alias_to_nobody, true));
    EXPECT_TRUE(is_another(&Settings::usage_source, "dovecot"));
}

TEST(AskAlikeTest, LimitsMakeADifferenceWhereSomebodyLooksAtThem) {
    Settings without;
    without.checks = {"recipient"};
    Settings with = without;
    with.virtual_mailbox_limit_maps = {"inline:{a=1}"};
    with.virtual_domain_message_limit_maps = {"inline:{a=1}"};
    EXPECT_TRUE(AskAlike(without, with));
    without.quota_warnings = with.quota_warnings = {"80"};
    EXPECT_FALSE(AskAlike(without, with));
}

class DescriptorsOfTablesTest : public testing::Test {
protected:
    DescriptorsOfTablesTest() {
        const std::string sqlite =
            scratch_.Write("sqlite.cf", "dbpath = " + database_ + "\nquery = SELECT '%s'\n");
        const std::string mysql =
            scratch_.Write("mysql.cf",
                           "hosts = 127.0.0.1\nuser = u\npassword = p\ndbname = d\n"
                           "query = SELECT '%s'\n");
        settings_.virtual_alias_maps = {"sqlite:" + sqlite};
        settings_.virtual_mailbox_maps = {"mysql:" + mysql};
        settings_.client_access_maps = {"mysql:" + mysql};
        settings_.mysql_connections = 5;
    }

    std::uint64_t With(const config::Strings& checks) {
        settings_.checks = checks;
        return DescriptorsOfTables({settings_, ReadTables(settings_)});
    }

    const test::ScratchDirectory scratch_;
    const std::string database_ = scratch_.Write("tables.sqlite", "");
    Settings settings_;
};

TEST_F(DescriptorsOfTablesTest, AreThoseOfTheTablesThatAreAsked) {
    constexpr std::uint64_t kOfSqliteFile = 3;
    EXPECT_EQ(With({"recipient", "client_access"}), 5u + kOfSqliteFile) << "one account";
    EXPECT_EQ(With({"mailbox_quota"}), 5u + kOfSqliteFile);
    EXPECT_EQ(With({"client_access"}), 5u);
    settings_.client_access_maps.clear();
    EXPECT_EQ(With({"client_access"}), 0u);
    settings_.quota_warnings = {"80"};
    EXPECT_EQ(With({"client_access"}), 5u + kOfSqliteFile);
}

class ServicesTest : public testing::Test {
protected:
    ServicesTest() {
        settings_.checks = {"client_access"};
        settings_.usage_store = "sqlite:" + (scratch_ / "usage.sqlite").string();
        services_ = std::make_unique<Services>(loop_, settings_, shared_);
    }

    void Measure(std::uint64_t bytes, text::WallTime began) {
        const std::vector<usage::Measurement> measured{{"ann@example.com", bytes, 1, began}};
        loop_.RunUntilDone(services_->UsageStore().Commit(measured, usage::kReservationGrace));
    }

    test::ScratchDirectory scratch_;
    async::EventLoop loop_;
    config::Settings settings_;
    SharedState shared_;
    std::unique_ptr<Services> services_;
};

TEST_F(ServicesTest, AskForANewerAverageOfTheSiteBesideWhatTheyDo) {
    const text::WallTime now = text::SystemWallTime();
    const auto long_ago = [this] { return loop_.Now() - std::chrono::hours(1); };
    Measure(300, now - std::chrono::milliseconds(2));
    loop_.RunUntilDone(shared_.average.Ask(services_->UsageStore(), long_ago));
    Measure(500, now - std::chrono::milliseconds(1));
    EXPECT_EQ(shared_.average.Known(loop_.Now()), 300u);
    loop_.RunUntilDone(services_->Tend());
    services_.reset();
    loop_.Drain();
    EXPECT_EQ(shared_.average.Known(loop_.Now()), 500u);
}

}  // namespace
}  // namespace policyd::services
