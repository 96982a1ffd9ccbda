// The second commit of a mailbox that changed, which drops the reservations of the mail that it
// got: whatever else policyd-scan has to do.

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "common/async/event_loop.hpp"
#include "common/outage/unavailable.hpp"
#include "common/usage/open_usage_store.hpp"
#include "tests/integration/scan_site.hpp"

namespace policyd {
namespace {

/// policyd-scan looks every ten seconds for what is to be settled, and on a busy machine not always
/// at the first time.
constexpr std::chrono::minutes kPatience{2};

class ScanSettlingTest : public ScanSiteTest {
protected:
    /// Until there are figures of so many mailboxes.
    void StartAndAwait(std::size_t mailboxes, const std::string& more) {
        daemon_.emplace(scratch_.Path(), "inotify", "24h", more);
        daemon_->Start();
        test::WaitUntil(
            "the first figures", [&] { return daemon_->Found().size() >= mailboxes; },
            scratch_ / "scan.log");
        store_ = usage::OpenUsageStore(loop_, daemon_->Settings());
    }

    /// A message of five bytes to each of them, as policyd and Postfix take it.
    void Receive(const std::vector<std::string>& users) {
        usage::Reservation reservation{"m1", 5, {}};
        reservation.settled = true;
        for (const std::string& user : users)
            reservation.limits.push_back({user + "@example.org", 0, 0});
        test::WaitUntil("the store to take a reservation", [&] {
            return WhileNobodyElseWrites([&] { loop_.RunUntilDone(store_->Reserve(reservation)); });
        });
        for (const std::string& user : users) Deliver("example.org/" + user, 5);
    }

    /// `meanwhile` is called again and again.
    void AwaitThatNothingIsReserved(
        std::uint64_t bytes, const std::function<void()>& meanwhile = [] {}) {
        test::WaitUntil(
            "all reservations to be dropped",
            [&] {
                meanwhile();
                usage::Usage usage;
                const auto look = [&] {
                    usage = loop_.RunUntilDone(store_->FindDomain("example.org")).value();
                };
                return WhileNobodyElseWrites(look) && usage.bytes == bytes &&
                       usage.reserved_messages == 0;
            },
            scratch_ / "scan.log", kPatience);
    }

    /// False where another process kept the store's file for longer than it waits: on a machine
    /// with too much to do.
    static bool WhileNobodyElseWrites(const std::function<void()>& call) {
        try {
            call();
        } catch (const outage::UsageStoreUnavailable&) {
            return false;
        }
        return true;
    }

    async::EventLoop loop_;
    std::unique_ptr<usage::UsageStore> store_;
};

TEST_F(ScanSettlingTest, ComesAlsoWhileMailboxesAreMadeAllTheTime) {
    Deliver("example.org/ann", 10);
    StartAndAwait(1, "reservation_grace = \"1s\"\n");
    Receive({"ann"});
    int made = 0;
    AwaitThatNothingIsReserved(15, [&] { Deliver("example.net/u" + std::to_string(++made), 1); });
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanSettlingTest, ComesForManyAlsoWhereChangesAreCollectedForLong) {
    std::vector<std::string> users;
    for (int i = 0; i < 1'500; ++i) {
        users.push_back("u" + std::to_string(i));
        Deliver("example.org/" + users.back(), 10);
    }
    StartAndAwait(users.size(), "reservation_grace = \"3s\"\nscan_settle_time = \"2s\"\n");
    Receive(users);
    AwaitThatNothingIsReserved(users.size() * 15);
    EXPECT_EQ(daemon_->Stop(), 0);
}

TEST_F(ScanSettlingTest, ComesAlsoBesideAScanThatTakesLong) {
    constexpr int kOthers = 60;  // which come behind ann
    Deliver("example.org/ann", 10);
    for (int i = 0; i < kOthers; ++i)
        for (int messages = 0; messages < 40; ++messages)
            Deliver("example.pub/u" + std::to_string(i), 10);
    StartAndAwait(1, "reservation_grace = \"1s\"\nscan_rate_limit = 50\n");
    Receive({"ann"});
    AwaitThatNothingIsReserved(15);
    EXPECT_LE(daemon_->Found().size(), kOthers);
    EXPECT_EQ(daemon_->Stop(), 0);
}

}  // namespace
}  // namespace policyd
