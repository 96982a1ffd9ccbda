#include "policyd/checks/site_average.hpp"

#include <gtest/gtest.h>

#include "common/async/wake_up.hpp"
#include "tests/support/memory_usage_store.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::checks {
namespace {

using std::chrono::minutes;

class SlowStore final : public test::MemoryUsageStore {
public:
    async::Task<usage::Usage> FindSite() override {
        ++asked;
        if (is_slow) co_await may_answer.Wait();
        co_return co_await MemoryUsageStore::FindSite();
    }

    int asked = 0;
    bool is_slow = false;
    async::WakeUp may_answer;
};

class SiteAverageTest : public testing::Test {
protected:
    std::uint64_t Ask() {
        return test::RunToEnd(average_.Ask(*usage_, [this] { return now_; }));
    }
    void Renew() {
        average_.Renew(usage_, [this] { return now_; });
    }
    std::optional<std::uint64_t> Known() { return average_.Known(now_); }

    std::chrono::milliseconds now_{0};
    const std::shared_ptr<SlowStore> usage_ = std::make_shared<SlowStore>();
    SiteAverage average_;
};

TEST_F(SiteAverageTest, IsUnknownUntilTheStoreWasAsked) {
    EXPECT_EQ(Known(), std::nullopt);
    Renew();
    EXPECT_EQ(usage_->asked, 0) << "who needs the first asks for it";
    EXPECT_EQ(Ask(), 0u) << "there is no message yet";
    EXPECT_EQ(Known(), 0u);
    usage_->Measure("archive@example.com", 3000, 10);
    EXPECT_EQ(Ask(), 300u);
    EXPECT_EQ(Known(), 300u);
}

TEST_F(SiteAverageTest, AnOldOneServesWhileOneOfAllAsksForANewerOne) {
    usage_->Measure("archive@example.com", 3000, 10);
    Ask();
    usage_->Measure("archive@example.com", 500, 1);
    now_ = minutes(10) - std::chrono::milliseconds(1);
    EXPECT_EQ(Known(), 300u);
    Renew();
    EXPECT_EQ(usage_->asked, 1);
    now_ = minutes(10);
    Renew();
    EXPECT_EQ(usage_->asked, 1) << "nobody has needed it since";
    EXPECT_EQ(Known(), 300u);
    usage_->is_slow = true;
    Renew();
    EXPECT_EQ(Known(), 300u);
    Renew();
    EXPECT_EQ(usage_->asked, 2);
    now_ = minutes(11);
    usage_->may_answer.Set();
    EXPECT_EQ(Known(), 500u);
    now_ = minutes(20);
    EXPECT_EQ(Known(), 500u);
    usage_->is_slow = false;
    Renew();
    EXPECT_EQ(usage_->asked, 3) << "what it said was of when it was asked";
}

TEST_F(SiteAverageTest, ServesOnWhereTheStoreCannotTellANewerOne) {
    usage_->Measure("archive@example.com", 3000, 10);
    Ask();
    now_ = minutes(10);
    usage_->down = true;
    for (const int asked : {2, 3}) {
        EXPECT_EQ(Known(), 300u);
        Renew();
        EXPECT_EQ(usage_->asked, asked);
    }
    usage_->down = false;
    usage_->Measure("archive@example.com", 500, 1);
    EXPECT_EQ(Known(), 300u);
    Renew();
    EXPECT_EQ(Known(), 500u);
}

}  // namespace
}  // namespace policyd::checks
