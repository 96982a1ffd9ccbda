#include "policyd/services/services.hpp"

#include <gtest/gtest.h>

#include "tests/support/scratch_directory.hpp"

namespace policyd::services {
namespace {

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
