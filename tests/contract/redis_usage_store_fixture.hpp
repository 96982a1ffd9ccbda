#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"
#include "common/usage/redis_usage_store.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::usage {

using std::chrono::milliseconds;

/// Stores in one Redis or several, asked over one loop.
class RedisUsageStoreTest : public testing::Test {
protected:
    std::unique_ptr<UsageStore> Open(const test::RedisServer& server, std::string user = "",
                                     std::string password_file = "",
                                     std::shared_ptr<RecentReservations> recent = nullptr) {
        RedisUsageStore::Options options;
        options.recent = std::move(recent);
        options.server.endpoint = server.UnixEndpoint();
        options.server.user = std::move(user);
        options.server.password_file = std::move(password_file);
        options.server.time_limit = std::chrono::seconds(20);
        options.notes_changes = true;
        return std::make_unique<RedisUsageStore>(loop_, std::move(options));
    }

    Reserved Reserve(UsageStore& store, const std::string& id, std::uint64_t bytes,
                     const std::string& mailbox, std::uint64_t limit = 0) {
        const Reservation reservation{id, bytes, {{mailbox, limit, 0}}};
        return loop_.RunUntilDone(store.Reserve(reservation));
    }

    void Settle(UsageStore& store, const std::string& id, std::uint64_t bytes,
                const std::string& mailbox) {
        Reservation reservation{id, bytes, {{mailbox, 0, 0}}};
        reservation.settled = true;
        loop_.RunUntilDone(store.Reserve(reservation));
    }

    void Release(UsageStore& store, const std::string& id, const std::string& mailbox,
                 Unreserve what = Unreserve::kWhatIsUnsettled) {
        const std::vector<std::string> mailboxes{mailbox};
        loop_.RunUntilDone(store.Release(id, mailboxes, what));
    }

    /// Turns the loop until the mailbox has this much reserved; false if it takes too long.
    bool ComesToHold(UsageStore& store, const std::string& mailbox, std::uint64_t bytes) {
        return loop_.RunUntilDone(Held(loop_, store, mailbox, bytes));
    }

    void Wait(milliseconds time) { loop_.RunUntilDone(Waited(loop_, time)); }

    static async::Task<void> Waited(async::EventLoop& loop, milliseconds time) {
        co_await async::Sleep(loop.Raw(), time);
    }

    static async::Task<bool> Held(async::EventLoop& loop, UsageStore& store, std::string mailbox,
                                  std::uint64_t bytes) {
        const milliseconds end = loop.Now() + std::chrono::minutes(1);
        while (loop.Now() < end) {
            try {
                const std::optional<Usage> usage = co_await store.Find(mailbox);
                if (usage.value_or(Usage()).reserved_bytes == bytes) co_return true;
            } catch (const outage::UsageStoreUnavailable&) {
            }
            co_await async::Sleep(loop.Raw(), milliseconds(5));
        }
        co_return false;
    }

    /// What came of reservations that were all asked for in one turn of the loop.
    struct Outcome {
        std::size_t granted = 0;
        std::size_t full = 0;
        std::size_t failed = 0;
        std::size_t ended = 0;
    };

    static async::Task<void> Ask(UsageStore& store, Reservation reservation, Outcome& outcome) {
        try {
            const Reserved reserved = co_await store.Reserve(reservation);
            ++(reserved.IsGranted() ? outcome.granted : outcome.full);
        } catch (const outage::UsageStoreUnavailable&) {
            ++outcome.failed;
        }
        ++outcome.ended;
    }

    static void Start(async::Task<void> task) {
        async::Spawn(std::move(task),
                     [](std::exception_ptr failure) { std::rethrow_exception(failure); });
    }

    /// For RecentReservations.
    static constexpr milliseconds kShortLife{500};

    async::EventLoop loop_;
};

}  // namespace policyd::usage
