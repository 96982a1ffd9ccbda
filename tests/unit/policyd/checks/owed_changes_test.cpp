#include "policyd/checks/owed_changes.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "common/async/wake_up.hpp"
#include "common/metrics/series.hpp"
#include "tests/support/memory_usage_store.hpp"
#include "tests/support/run_to_end.hpp"

namespace policyd::checks {
namespace {

using std::chrono::milliseconds;

milliseconds AtTheBeginning() {
    return milliseconds(0);
}

class OwedChangesTest : public testing::Test {
protected:
    static usage::Reservation Of(const std::string& id, std::uint64_t bytes) {
        return {id, bytes, {{"ann@example.com", 1, 0}}};
    }

    void Pay() { Pay(usage_); }
    void Pay(usage::UsageStore& usage) {
        const auto done = [](async::Task<void> task) -> async::Task<bool> {
            co_await task;
            co_return true;
        };
        test::RunToEnd(done(owed_.Pay(usage, &AtTheBeginning)));
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

TEST_F(OwedChangesTest, WhatConcernsNoMailboxIsNotOwed) {
    owed_.Charge({"m1", 500, {}}, milliseconds(0));
    owed_.GiveBack("m2", {}, usage::Unreserve::kEverything);
    EXPECT_EQ(owed_.Size(), 0u);
}

TEST_F(OwedChangesTest, AChargeIsSettledAndAsOldAsTheMail) {
    class UsageStore final : public test::MemoryUsageStore {
    public:
        async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
            ages.push_back(reservation.age);
            return MemoryUsageStore::Reserve(reservation);
        }
        std::vector<milliseconds> ages;
    } usage;
    owed_.Charge(Of("m1", 500), milliseconds(100));
    owed_.Charge(Of("m2", 60), milliseconds(400));
    test::RunToEnd(owed_.Pay(usage, [] { return milliseconds(300); }));
    EXPECT_EQ(usage.ages, (std::vector{milliseconds(200), milliseconds(0)}))
        << "another thread's clock may be behind";
    const std::vector<std::string> mailboxes{"ann@example.com"};
    test::RunToEnd(usage.Release("m1", mailboxes, usage::Unreserve::kWhatIsUnsettled));
    EXPECT_EQ(usage.ReservedIn("ann@example.com"), 560u);
}

TEST_F(OwedChangesTest, AllAreToldAtOneTimeButWhatCannotBeToldAtAll) {
    class UsageStore final : public test::MemoryUsageStore {
    public:
        async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
            if (reservation.id == "m0") throw std::runtime_error("no such thing");
            if (reservation.id == "m1") throw outage::UsageStoreUnavailable("not this one");
            return MemoryUsageStore::Reserve(reservation);
        }
    } usage;
    OwedChanges owed(100);
    for (int i = 0; i < 40; ++i) owed.Charge(Of("m" + std::to_string(i), 10), milliseconds(0));
    test::RunToEnd(owed.Pay(usage, &AtTheBeginning));
    EXPECT_EQ(usage.ReservedIn("ann@example.com"), 380u);
    EXPECT_EQ(owed.Size(), 1u) << "what is unavailable may be told later";
}

/// Never takes reservations of 666 bytes.
class ChoosyUsageStore final : public test::MemoryUsageStore {
public:
    async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
        if (reservation.bytes == 666) throw outage::UsageStoreUnavailable("not this one");
        co_return co_await MemoryUsageStore::Reserve(reservation);
    }
};

TEST_F(OwedChangesTest, WhatTheStoreNeverTakesDoesNotStandInTheWayOfTheRest) {
    ChoosyUsageStore choosy;
    OwedChanges owed(100);
    for (int i = 0; i < 40; ++i) owed.Charge(Of("never" + std::to_string(i), 666), milliseconds(0));
    for (int i = 0; i < 40; ++i) owed.Charge(Of("m" + std::to_string(i), 10), milliseconds(0));
    const auto done = [](async::Task<void> task) -> async::Task<bool> {
        co_await task;
        co_return true;
    };
    for (int tries = 0; tries < 6; ++tries) test::RunToEnd(done(owed.Pay(choosy, &AtTheBeginning)));
    EXPECT_EQ(choosy.ReservedIn("ann@example.com"), 400u);
    EXPECT_EQ(owed.Size(), 40u);
}

/// Answers no reservation before there are three.
class SlowUsageStore final : public test::MemoryUsageStore {
public:
    async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
        if (++asked_ == 3) all_asked_.Set();
        while (asked_ < 3) co_await all_asked_.Wait();
        co_return co_await MemoryUsageStore::Reserve(reservation);
    }

private:
    int asked_ = 0;
    async::WakeUp all_asked_;
};

TEST_F(OwedChangesTest, AreNotToldOneAfterTheOther) {
    SlowUsageStore slow;
    for (const char* const id : {"m1", "m2", "m3"}) owed_.Charge(Of(id, 100), milliseconds(0));
    Pay(slow);
    EXPECT_EQ(slow.ReservedIn("ann@example.com"), 300u);
    EXPECT_EQ(owed_.Size(), 0u);
}

TEST_F(OwedChangesTest, NoMoreAreToldAtOnceThanABusyStoreAnswersInTime) {
    class UsageStore final : public test::MemoryUsageStore {
    public:
        async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
            ++asked;
            co_await answers.Wait();
            co_return co_await MemoryUsageStore::Reserve(reservation);
        }
        int asked = 0;
        async::WakeUp answers;
    } usage;
    OwedChanges owed(100);
    for (int i = 0; i < 40; ++i) owed.Charge(Of("m" + std::to_string(i), 10), milliseconds(0));
    async::Spawn(owed.Pay(usage, &AtTheBeginning));
    for (const int asked : {16, 32, 40}) {
        EXPECT_EQ(usage.asked, asked);
        usage.answers.Set();
    }
    EXPECT_EQ(owed.Size(), 0u);
}

TEST_F(OwedChangesTest, TheLastOneOfAMessageCounts) {
    owed_.Charge(Of("m1", 500), milliseconds(0));
    owed_.Charge(Of("m1", 700), milliseconds(0));
    owed_.Charge(Of("m2", 60), milliseconds(0));
    owed_.GiveBack("m2", {"ann@example.com"}, usage::Unreserve::kEverything);
    owed_.Charge(Of("m3", 9), milliseconds(0));
    EXPECT_TRUE(owed_.Forget("m3"));
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

/// Says that it is down, but not before it is told to.
class HungUsageStore final : public test::MemoryUsageStore {
public:
    async::Task<usage::Reserved> Reserve(const usage::Reservation& reservation) override {
        while (!is_given_up) co_await given_up.Wait();
        co_return co_await MemoryUsageStore::Reserve(reservation);
    }
    async::Task<void> Release(std::string_view id, std::span<const std::string> mailboxes,
                              usage::Unreserve what) override {
        while (!is_given_up) co_await given_up.Wait();
        co_await MemoryUsageStore::Release(id, mailboxes, what);
    }
    using test::MemoryUsageStore::Release;

    void GiveUp() {
        down = is_given_up = true;
        given_up.Set();
    }

    bool is_given_up = false;
    async::WakeUp given_up;
};

TEST_F(OwedChangesTest, WhatIsGivenBackLateDoesNotTakeThePlaceOfAChargeThatCouldNotBeTold) {
    HungUsageStore hung;
    owed_.Charge(Of("m1", 500), milliseconds(0));
    async::Spawn(owed_.Pay(hung, &AtTheBeginning),
                 [](std::exception_ptr failure) { std::rethrow_exception(failure); });
    owed_.GiveBack("m1", {"ann@example.com"}, usage::Unreserve::kWhatIsUnsettled);
    hung.GiveUp();
    EXPECT_EQ(owed_.Size(), 1u);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
}

TEST_F(OwedChangesTest, WhatIsBeingToldIsNotOvertaken) {
    HungUsageStore hung;
    owed_.GiveBack("m1", {"ann@example.com"}, usage::Unreserve::kEverything);
    async::Spawn(owed_.Pay(hung, &AtTheBeginning),
                 [](std::exception_ptr failure) { std::rethrow_exception(failure); });
    EXPECT_EQ(owed_.Size(), 1u);
    EXPECT_FALSE(owed_.Forget("m1"));
    owed_.Charge(Of("m1", 500), milliseconds(0));
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 0u);
    hung.GiveUp();
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 500u);
    EXPECT_EQ(owed_.Size(), 0u);
}

TEST_F(OwedChangesTest, WhatSparesChargesMayBeOvertaken) {
    HungUsageStore hung;
    owed_.GiveBack("m1", {"ann@example.com"}, usage::Unreserve::kWhatIsUnsettled);
    async::Spawn(owed_.Pay(hung, &AtTheBeginning),
                 [](std::exception_ptr failure) { std::rethrow_exception(failure); });
    EXPECT_TRUE(owed_.Forget("m1"));
    hung.GiveUp();
}

TEST_F(OwedChangesTest, MayBeCountedWhileTheOldestAreForgotten) {
    const metrics::Observed size(metrics::Metric::kOwedChanges, {},
                                 [this] { return static_cast<double>(owed_.Size()); });
    std::thread charging([this] {
        for (int i = 0; i < 20'000; ++i)
            owed_.Charge(Of("m" + std::to_string(i), 1), milliseconds(0));
    });
    for (int i = 0; i < 20'000; ++i) metrics::Samples(metrics::Metric::kOwedChanges);
    charging.join();
    EXPECT_EQ(owed_.Size(), 3u);
}

TEST_F(OwedChangesTest, AreBoundedAndForgetTheOldest) {
    const double lost = metrics::Value(metrics::Metric::kOwedChangesLost);
    for (int i = 0; i < 5; ++i) owed_.Charge(Of("m" + std::to_string(i), 1u << i), milliseconds(0));
    EXPECT_EQ(owed_.Size(), 3u);
    EXPECT_EQ(metrics::Value(metrics::Metric::kOwedChangesLost), lost + 2);
    Pay();
    EXPECT_EQ(usage_.ReservedIn("ann@example.com"), 4u + 8u + 16u);
}

}  // namespace
}  // namespace policyd::checks
