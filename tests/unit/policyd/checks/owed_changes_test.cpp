#include "policyd/checks/owed_changes.hpp"

#include <gtest/gtest.h>

#include "tests/support/memory_usage_store.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::checks {
namespace {

using std::chrono::milliseconds;

class OwedChangesTest : public testing::Test {
protected:
    static usage::Reservation Of(const std::string& id, std::uint64_t bytes) {
        return {id, bytes, {{"ann@example.com", 1, 0}}};
    }

    void Pay() {
        const auto done = [](async::Task<void> task) -> async::Task<bool> {
            co_await task;
            co_return true;
        };
        test::RunToEnd(done(owed_.Pay(usage_, milliseconds(0))));
    }

    test::MemoryUsageStore usage_;
    OwedChanges owed_{3};
};

TEST_F(OwedChangesTest, ArePaidOnceAndBeyondTheLimit) {
    owed_.Charge(Of("m1", 500), milliseconds(0));
    owed_.Charge(Of("m2", 60), milliseconds(0));
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 560u);
    EXPECT_EQ(owed_.Size(), 0u);
}

TEST_F(OwedChangesTest, StayOwedUntilTheStoreTakesThem) {
    owed_.Charge(Of("m1", 500), milliseconds(0));
    usage_.down = true;
    Pay();
    EXPECT_EQ(owed_.Size(), 1u);
    usage_.down = false;
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
}

TEST_F(OwedChangesTest, TheLastOneOfAMessageCounts) {
    owed_.Charge(Of("m1", 500), milliseconds(0));
    owed_.Charge(Of("m1", 700), milliseconds(0));
    owed_.Charge(Of("m2", 60), milliseconds(0));
    owed_.GiveBack("m2", {"ann@example.com"}, usage::Unreserve::kEverything);
    owed_.Charge(Of("m3", 9), milliseconds(0));
    owed_.Forget("m3");
    EXPECT_EQ(owed_.Size(), 2u);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 700u);
}

TEST_F(OwedChangesTest, AChargeIsNotGivenBackWithWhatIsUnsettled) {
    owed_.Charge(Of("m1", 500), milliseconds(0));
    owed_.GiveBack("m1", {"ann@example.com"}, usage::Unreserve::kWhatIsUnsettled);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
}

TEST_F(OwedChangesTest, AreBoundedAndForgetTheOldest) {
    for (int i = 0; i < 5; ++i) owed_.Charge(Of("m" + std::to_string(i), 1u << i), milliseconds(0));
    EXPECT_EQ(owed_.Size(), 3u);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 4u + 8u + 16u);
}

}  // namespace
}  // namespace policyd::checks
