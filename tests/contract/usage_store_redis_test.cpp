// What only the store in Redis promises.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <sstream>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"
#include "common/usage/redis_usage_store.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::usage {
namespace {

using std::chrono::milliseconds;

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
        return std::make_unique<RedisUsageStore>(loop_.Raw(), std::move(options));
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

TEST_F(RedisUsageStoreTest, JudgesReservationsOfOneTurnOneAfterTheOther) {
    test::RedisServer server;
    const auto store = Open(server);
    loop_.RunUntilDone(store->Now());  // connected
    Outcome outcome;
    for (int i = 0; i < 100; ++i)
        Start(Ask(*store, {"m" + std::to_string(i), 10, {{"ann@example.com", 400, 0}}}, outcome));
    while (outcome.ended < 100) loop_.RunOnce();

    EXPECT_EQ(outcome.granted, 40u);
    EXPECT_EQ(outcome.full, 60u);
    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@example.com"))->reserved_bytes, 400u);
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("example.com"))->reserved_bytes, 400u);
}

TEST_F(RedisUsageStoreTest, FailsOnlyTheOneOfSeveralReservationsThatMakesNoSense) {
    test::RedisServer server;
    const auto store = Open(server);
    server.Command({"SET", "policyd:{example.com}:m:ann", "no hash"});
    loop_.RunUntilDone(store->Now());
    Outcome ann, bob;
    Start(Ask(*store, {"m1", 10, {{"bob@example.com", 400, 0}}}, bob));
    Start(Ask(*store, {"m2", 10, {{"ann@example.com", 400, 0}}}, ann));
    Start(Ask(*store, {"m3", 10, {{"bob@example.com", 400, 0}}}, bob));
    while (ann.ended + bob.ended < 3) loop_.RunOnce();

    EXPECT_EQ(ann.failed, 1u);
    EXPECT_EQ(bob.granted, 2u);
    EXPECT_EQ(loop_.RunUntilDone(store->Find("bob@example.com"))->reserved_bytes, 20u);
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("example.com"))->reserved_bytes, 20u);
}

TEST_F(RedisUsageStoreTest, GivesBackAfterTheReservationThatWasAskedForBefore) {
    test::RedisServer server;
    const auto store = Open(server);
    loop_.RunUntilDone(store->Now());
    Outcome outcome;
    Start(Ask(*store, {"m1", 10, {{"ann@example.com", 400, 0}}}, outcome));
    Release(*store, "m1", "ann@example.com");
    while (outcome.ended < 1) loop_.RunOnce();

    EXPECT_EQ(outcome.granted, 1u);
    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@example.com")), std::nullopt);
}

TEST_F(RedisUsageStoreTest, HasRoomAtOnceForTheNextWhereRoomIsGivenBackInTheSameTurn) {
    test::RedisServer server;
    const auto store = Open(server);
    loop_.RunUntilDone(store->Now());
    const std::vector<std::string> mailboxes{"ann@example.com"};
    Outcome before, after;
    Start(Ask(*store, {"m1", 400, {{"ann@example.com", 400, 0}}}, before));
    Start(Ask(*store, {"m2", 400, {{"ann@example.com", 400, 0}}}, before));
    Start(store->Release("m1", mailboxes, Unreserve::kEverything));
    Start(Ask(*store, {"m3", 400, {{"ann@example.com", 400, 0}}}, after));
    while (before.ended + after.ended < 3) loop_.RunOnce();

    EXPECT_EQ(before.granted, 1u);
    EXPECT_EQ(before.full, 1u);
    EXPECT_EQ(after.granted, 1u);
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("example.com"))->reserved_bytes, 400u);
}

TEST_F(RedisUsageStoreTest, StoresTheMeasurementsOfAllDomainsButTheOneThatMakesNoSense) {
    test::RedisServer server;
    const auto store = Open(server);
    server.Command({"SET", "policyd:{b.example}:m:ann", "no hash"});
    const text::WallTime now = loop_.RunUntilDone(store->Now());
    std::vector<Measurement> measured;
    for (const std::string domain : {"a.example", "b.example", "c.example"})
        for (int i = 0; i < 30; ++i)
            measured.push_back({"m" + std::to_string(i) + "@" + domain, 10, 1, now});
    measured.push_back({"ann@b.example", 10, 1, now});
    EXPECT_THROW(loop_.RunUntilDone(store->Commit(measured, milliseconds(0))),
                 outage::UsageStoreUnavailable);

    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("a.example"))->bytes, 300u);
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("c.example"))->bytes, 300u);
    server.Command({"DEL", "policyd:{b.example}:m:ann"});
    loop_.RunUntilDone(store->Commit(measured, milliseconds(0)));
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("b.example"))->bytes, 310u);
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("a.example"))->messages, 30u);
}

TEST_F(RedisUsageStoreTest, TellsWhichMailboxesChangedBesideADomainThatMakesNoSense) {
    test::RedisServer server;
    const auto store = Open(server);
    server.Command({"SET", "policyd:{b.example}:m:ann", "no hash"});
    const text::WallTime now = loop_.RunUntilDone(store->Now());
    const std::vector<Measurement> measured{{"ann@a.example", 10, 1, now},
                                            {"ann@b.example", 10, 1, now},
                                            {"ann@c.example", 10, 1, now}};
    EXPECT_THROW(loop_.RunUntilDone(store->Commit(measured, milliseconds(0))),
                 outage::UsageStoreUnavailable);
    EXPECT_THAT(loop_.RunUntilDone(store->TakeChanged(10)),
                testing::UnorderedElementsAre("ann@a.example", "ann@c.example"));
}

TEST_F(RedisUsageStoreTest, WritesNothingOfADomainThatMakesNoSenseWithTheNextOne) {
    test::RedisServer server;
    const auto store = Open(server);
    Reserve(*store, "m1", 50, "ann@a.example");
    Reserve(*store, "m2", 50, "ann@b.example");
    server.Command({"SET", "policyd:{a.example}:m:bob", "no hash"});
    const std::string before = server.Command({"HGET", "policyd:{a.example}:m:ann", "u"});
    const text::WallTime later = loop_.RunUntilDone(store->Now()) + std::chrono::milliseconds(900);
    const std::vector<Measurement> measured{{"ann@a.example", 10, 1, later},
                                            {"bob@a.example", 10, 1, later},
                                            {"ann@b.example", 10, 1, later}};
    EXPECT_THROW(loop_.RunUntilDone(store->Commit(measured, milliseconds(0))),
                 outage::UsageStoreUnavailable);
    EXPECT_EQ(server.Command({"HGET", "policyd:{a.example}:m:ann", "u"}), before);
    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@b.example"))->reserved_bytes, 0u);
}

/// A script holds up everybody.
TEST_F(RedisUsageStoreTest, JoinsReservationsOfManyMailboxesInSeveralCalls) {
    test::RedisServer server;
    const auto store = Open(server);
    loop_.RunUntilDone(store->Now());
    const auto calls = [&server] {
        const std::string stats = server.Command({"INFO", "commandstats"});
        const std::string before = "cmdstat_evalsha:calls=";
        const std::size_t found = stats.find(before);
        return found == stats.npos ? 0 : std::stoi(stats.substr(found + before.size()));
    };
    const auto calls_for = [&](std::size_t messages, std::size_t mailboxes) {
        const int calls_before = calls();
        Outcome outcome;
        for (std::size_t m = 0; m < messages; ++m) {
            Reservation reservation{"m" + std::to_string(m), 10, {}};
            for (std::size_t i = 0; i < mailboxes; ++i)
                reservation.limits.push_back({"u" + std::to_string(i) + "@example.com", 0, 0});
            Start(Ask(*store, std::move(reservation), outcome));
        }
        while (outcome.ended < messages) loop_.RunOnce();
        EXPECT_EQ(outcome.granted, messages);
        return calls() - calls_before;
    };

    EXPECT_EQ(calls_for(32, 1), 1);
    EXPECT_EQ(calls_for(8, 49), 2);
    EXPECT_EQ(calls_for(3, 1'000), 3) << "each in one step";
}

TEST_F(RedisUsageStoreTest, FailsWhatIsAskedForWhenItEnds) {
    test::RedisServer server;
    auto store = Open(server);
    loop_.RunUntilDone(store->Now());
    Outcome outcome;
    for (int i = 0; i < 3; ++i)
        Start(Ask(*store, {"m" + std::to_string(i), 10, {{"ann@example.com", 400, 0}}}, outcome));
    store.reset();

    EXPECT_EQ(outcome.failed, 3u);
}

TEST_F(RedisUsageStoreTest, TellsRedisAgainWhatItLostInARestart) {
    test::RedisServer server({"--appendonly", "no"});
    const auto store = Open(server);
    Reserve(*store, "saved", 1000, "ann@example.com");
    server.Command({"SAVE"});
    Reserve(*store, "saved", 1200, "ann@example.com");
    Reserve(*store, "given back", 50, "ann@example.com");
    Release(*store, "given back", "ann@example.com");
    for (int i = 0; i < 500; ++i) Reserve(*store, "lost" + std::to_string(i), 3, "ann@example.com");
    Reserve(*store, "refused", 3, "ann@example.com", 1);
    server.Stop(SIGKILL);
    server.Start();

    EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 1200 + 1500));
    EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 1200 + 1500));
    const auto usage = loop_.RunUntilDone(store->Find("ann@example.com"));
    EXPECT_EQ(usage->reserved_messages, 501u);
}

TEST_F(RedisUsageStoreTest, TellsRedisAgainAfterALongOutageWhatItHeldBefore) {
    test::RedisServer server({"--appendonly", "no"});
    const auto recent = std::make_shared<RecentReservations>(kShortLife);
    const auto store = Open(server, "", "", recent);
    Reserve(*store, "lost", 10, "ann@example.com");
    server.Stop(SIGKILL);
    for (int i = 0; i < 3; ++i) {
        Wait(kShortLife);
        EXPECT_THROW(Release(*store, "aborted", "bob@example.com"), outage::UsageStoreUnavailable);
    }
    server.Start();

    EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 10));
}

TEST_F(RedisUsageStoreTest, TellsRedisAgainAfterALongOutageOverAllConnections) {
    test::RedisServer server({"--appendonly", "no"});
    const auto recent = std::make_shared<RecentReservations>(kShortLife);
    std::vector<std::unique_ptr<UsageStore>> stores;
    for (int i = 0; i < 4; ++i) stores.push_back(Open(server, "", "", recent));
    for (const auto& store : stores) loop_.RunUntilDone(store->Now());  // connected
    for (const auto& store : stores)
        Reserve(*store, "lost" + std::to_string(recent->Size()), 10, "ann@example.com");
    server.Stop(SIGKILL);
    Wait(kShortLife * 2);
    const auto reserve = [](async::EventLoop& loop, UsageStore& store) -> async::Task<void> {
        const Reservation reservation{"new", 1, {{"bob@example.com", 0, 0}}};
        Outcome outcome;
        while (outcome.granted == 0) {
            co_await Ask(store, reservation, outcome);
            co_await async::Sleep(loop.Raw(), milliseconds(1));
        }
    };
    for (const auto& store : stores) Start(reserve(loop_, *store));
    server.Start();

    EXPECT_TRUE(ComesToHold(*stores[0], "ann@example.com", 40));
    for (const auto& store : stores) loop_.RunUntilDone(reserve(loop_, *store));
}

TEST_F(RedisUsageStoreTest, TellsRedisOnceMoreWhatItLostAgain) {
    test::RedisServer server({"--appendonly", "no"});
    const auto recent = std::make_shared<RecentReservations>(kShortLife);
    const auto store = Open(server, "", "", recent);
    Reserve(*store, "lost", 10, "ann@example.com");
    for (int i = 0; i < 3; ++i) {
        server.Stop(SIGKILL);
        Wait(kShortLife * 2);
        server.Start();
        EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 10));
        Reserve(*store, "new", 1, "bob@example.com");
    }
}

TEST_F(RedisUsageStoreTest, TellsRedisAgainAndEndsAlthoughARecordIsBroken) {
    test::RedisServer server;
    const auto recent = std::make_shared<RecentReservations>(kShortLife);
    const auto store = Open(server, "", "", recent);
    Reserve(*store, "m1", 10, "ann@example.com");
    Reserve(*store, "m2", 10, "bob@example.com");
    server.Command({"FLUSHALL"});
    server.Command({"SET", "policyd:{example.com}:m:ann", "no hash"});
    server.Command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    EXPECT_TRUE(ComesToHold(*store, "bob@example.com", 10));
    Wait(kShortLife * 2);
    Reserve(*store, "m3", 10, "bob@example.com");
    EXPECT_EQ(recent->Size(), 1u) << "time passes";
}

TEST_F(RedisUsageStoreTest, TellsRedisAgainWhatWasGivenBack) {
    test::RedisServer server({"--appendonly", "no"});
    const auto store = Open(server);
    const auto other = Open(server);
    Reserve(*store, "stays", 7, "ann@example.com");
    Reserve(*store, "given back", 50, "ann@example.com");
    Settle(*store, "settled and given back", 40, "ann@example.com");
    Reserve(*store, "goes on elsewhere", 300, "ann@example.com");
    server.Command({"SAVE"});
    Release(*store, "given back", "ann@example.com");
    Release(*store, "settled and given back", "ann@example.com", Unreserve::kEverything);
    Release(*store, "goes on elsewhere", "ann@example.com", Unreserve::kEverything);
    const Usage released = *loop_.RunUntilDone(store->Find("ann@example.com"));
    EXPECT_EQ(released.reserved_bytes, 7u);
    // Later by the clock of the server, too.
    const text::WallTime then = loop_.RunUntilDone(store->Now());
    while (loop_.RunUntilDone(store->Now()) < then + milliseconds(20)) {
    }
    Settle(*other, "goes on elsewhere", 310, "ann@example.com");
    server.Stop(SIGKILL);
    server.Start();

    EXPECT_TRUE(ComesToHold(*other, "ann@example.com", 7 + 310));
    // All that the other had to tell has been told before this is answered.
    EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 7 + 310));
    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@example.com"))->reserved_messages, 2u);
}

TEST_F(RedisUsageStoreTest, DoesNotGiveBackAgainWhatWasSettledElsewhereSince) {
    test::RedisServer server;
    const auto store = Open(server);
    Reserve(*store, "goes on elsewhere", 300, "ann@example.com");
    Release(*store, "goes on elsewhere", "ann@example.com", Unreserve::kEverything);
    const text::WallTime then = loop_.RunUntilDone(store->Now());
    while (loop_.RunUntilDone(store->Now()) < then + milliseconds(20)) {
    }
    Settle(*Open(server), "goes on elsewhere", 310, "ann@example.com");
    server.Command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    // Answered over the next connection, after what was told there.
    EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 310));
}

TEST_F(RedisUsageStoreTest, DoesNotTellAgainWhatHasBeenGivenBackOverAnotherConnection) {
    test::RedisServer server;
    const auto recent = std::make_shared<RecentReservations>();
    const auto store = Open(server, "", "", recent);
    const auto other = Open(server, "", "", recent);
    Reserve(*store, "stays", 7, "ann@example.com");
    Reserve(*store, "aborted", 50, "ann@example.com");
    Release(*other, "aborted", "ann@example.com");
    server.Stop(SIGKILL);
    server.Start();

    EXPECT_TRUE(ComesToHold(*other, "ann@example.com", 7));
    EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 7));
}

TEST_F(RedisUsageStoreTest, TellsRedisAgainWhatItRefusedToTakeAtFirst) {
    test::RedisServer server;
    const auto store = Open(server);
    Reserve(*store, "lost", 10, "ann@example.com");
    server.Command({"FLUSHALL"});
    server.Command({"CONFIG", "SET", "min-replicas-to-write", "1"});
    server.Command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    // Answered over the next connection, after what was told there.
    EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 0));
    server.Command({"CONFIG", "SET", "min-replicas-to-write", "0"});

    EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 10));
}

TEST_F(RedisUsageStoreTest, TakesItsTimeFromTheServer) {
    test::RedisServer server;
    const auto store = Open(server);
    const text::WallTime before = text::SystemWallTime();
    const text::WallTime now = loop_.RunUntilDone(store->Now());
    EXPECT_GE(now, before);
    EXPECT_LE(now, text::SystemWallTime());

    Reserve(*store, "m1", 10, "ann@example.com");
    const std::vector<Measurement> measured{{"ann@example.com", 10, 1, now}};
    loop_.RunUntilDone(store->Commit(measured, milliseconds(0)));
    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@example.com"))->reserved_bytes, 10u);
}

TEST_F(RedisUsageStoreTest, AFloodOnOneMailboxIsSummedUpByHundredsAndNotEachTime) {
    constexpr std::uint64_t kMessages = 6'000;
    test::RedisServer server;
    const auto store = Open(server);
    for (std::uint64_t done = 0; done < kMessages;) {
        Outcome outcome;
        constexpr std::uint64_t kAtOnce = 50;
        for (std::uint64_t i = 0; i < kAtOnce; ++i)
            Start(Ask(*store, {"m" + std::to_string(done + i), 10, {{"ann@example.com", 0, 0}}},
                      outcome));
        while (outcome.ended < kAtOnce) loop_.RunOnce();
        ASSERT_EQ(outcome.granted, kAtOnce);
        done += kAtOnce;
    }

    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@example.com"))->reserved_messages, kMessages);
    const std::string calls = server.Command({"INFO", "commandstats"});
    const std::size_t read_whole = calls.find("cmdstat_hgetall:calls=");
    ASSERT_NE(read_whole, calls.npos);
    EXPECT_LT(std::stoul(calls.substr(read_whole + 22)), kMessages / 256);
    EXPECT_LT(std::stoul(server.Command({"HLEN", "policyd:{example.com}:m:ann"})), 600u);
}

TEST_F(RedisUsageStoreTest, ReservationsThatGoOnForLongAreSummedUpByTheMinute) {
    test::RedisServer server;
    text::WallTime now = text::SystemWallTime();
    RedisUsageStore::Options options;
    options.server.endpoint = server.UnixEndpoint();
    options.server.time_limit = std::chrono::seconds(20);
    options.clock = [&now] { return now; };
    RedisUsageStore store(loop_.Raw(), std::move(options));
    constexpr int kMessages = 9'000;
    constexpr int kMinutes = 2;
    for (int i = 0; i < kMessages; ++i) {
        Reserve(store, "m" + std::to_string(i), 10, "ann@example.com");
        now += milliseconds(kMinutes * 60'000 / kMessages);
    }
    std::istringstream fields(server.Command({"HKEYS", "policyd:{example.com}:m:ann"}));
    int sums = 0;
    for (std::string field; std::getline(fields, field);) sums += field.starts_with("r~") ? 1 : 0;
    EXPECT_GE(sums, 1);
    // Named by the minute of the message and of its summing up.
    EXPECT_LE(sums, 2 * (kMinutes + 1));
}

TEST_F(RedisUsageStoreTest, LeavesNoKeysBehind) {
    test::RedisServer server;
    const auto store = Open(server);
    Reserve(*store, "m1", 10, "ann@example.com");
    Release(*store, "m1", "ann@example.com");
    const std::vector<Measurement> measured{{"bob@example.com", 10, 1, text::SystemWallTime()}};
    loop_.RunUntilDone(store->Commit(measured, milliseconds(0)));
    Reserve(*store, "m2", 10, "bob@example.com");
    const std::vector<std::string> bob{"bob@example.com"};
    loop_.RunUntilDone(store->Remove(bob));

    EXPECT_EQ(server.Command({"KEYS", "*"}), "");
}

TEST_F(RedisUsageStoreTest, FailsWithoutHarmWhenRedisHasNoMemory) {
    test::RedisServer server;
    const auto store = Open(server);
    Reserve(*store, "m1", 10, "ann@example.com");
    server.Command({"CONFIG", "SET", "maxmemory", "1"});

    EXPECT_THROW(Reserve(*store, "m2", 10, "ann@example.com"), outage::UsageStoreUnavailable);
    EXPECT_FALSE(Reserve(*store, "m3", 91, "ann@example.com", 100).IsGranted());
    server.Command({"CONFIG", "SET", "maxmemory", "0"});
    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@example.com"))->reserved_bytes, 10u);
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("example.com"))->reserved_bytes, 10u);
}

TEST_F(RedisUsageStoreTest, TellsOfEveryChangeThatRedisTakesNothingNow) {
    test::RedisServer server;
    const auto store = Open(server);
    const text::WallTime now = loop_.RunUntilDone(store->Now());
    const std::vector<Measurement> measured{{"ann@example.com", 10, 1, now - milliseconds(2000)},
                                            {"bob@example.com", 10, 1, now - milliseconds(2000)}};
    loop_.RunUntilDone(store->Commit(measured, milliseconds(0)));
    for (const char* mailbox : {"ann@example.com", "cid@example.com", "dot@example.com"})
        Reserve(*store, "m1", 10, mailbox);
    const std::vector<std::string> bob{"bob@example.com"}, cid{"cid@example.com"};
    const std::vector<Measurement> again{{"ann@example.com", 20, 1, now + milliseconds(500)}};
    for (const auto& [refuses, takes] :
         {std::pair("maxmemory 1", "maxmemory 0"),
          std::pair("min-replicas-to-write 1", "min-replicas-to-write 0")}) {
        SCOPED_TRACE(refuses);
        const auto set = [&](const std::string& option) {
            const std::size_t blank = option.find(' ');
            server.Command({"CONFIG", "SET", option.substr(0, blank), option.substr(blank + 1)});
        };
        set(refuses);
        EXPECT_THROW(loop_.RunUntilDone(store->Remove(bob)), outage::UsageStoreTakesNothing);
        EXPECT_THROW(
            loop_.RunUntilDone(store->NoteAbsent(cid, now + milliseconds(500), milliseconds(0))),
            outage::UsageStoreTakesNothing);
        EXPECT_THROW(loop_.RunUntilDone(store->Commit(again, milliseconds(0))),
                     outage::UsageStoreTakesNothing);
        EXPECT_THROW(Reserve(*store, "m2", 10, "ann@example.com"), outage::UsageStoreTakesNothing);
        set(takes);
    }
    EXPECT_TRUE(ComesToHold(*store, "ann@example.com", 10)) << "it is asked again";
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("example.com"))->bytes, 20u);
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("example.com"))->reserved_bytes, 30u);
}

TEST_F(RedisUsageStoreTest, TellsOfALackOfRoomBesideWhatFailsForALackOfMemory) {
    test::RedisServer server;
    const auto store = Open(server);
    Reserve(*store, "m1", 10, "ann@example.com");
    server.Command({"CONFIG", "SET", "maxmemory", "1"});
    Outcome fits, too_large;
    Start(Ask(*store, {"m2", 10, {{"ann@example.com", 100, 0}}}, fits));
    Start(Ask(*store, {"m3", 91, {{"bob@example.org", 90, 0}}}, too_large));
    while (fits.ended + too_large.ended < 2) loop_.RunOnce();

    EXPECT_EQ(fits.failed, 1u);
    EXPECT_EQ(too_large.full, 1u);
    server.Command({"CONFIG", "SET", "maxmemory", "0"});
    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@example.com"))->reserved_bytes, 10u);
}

/// What is done while Redis refuses a command may succeed or fail; the books balance in any case.
TEST_F(RedisUsageStoreTest, KeepsTheBooksOfADomainWhereRedisRefusesACommandHalfWay) {
    const std::vector<std::string> all{"ann@example.com", "bob@example.com", "cid@example.com",
                                       "dot@example.com"};
    for (const std::string command : {"get", "set", "hset", "hdel", "del", "zadd", "zrem"}) {
        SCOPED_TRACE(command);
        test::RedisServer server;
        const auto store = Open(server);
        const text::WallTime now = loop_.RunUntilDone(store->Now());
        const auto may_fail = [this](async::Task<void> task) {
            try {
                loop_.RunUntilDone(std::move(task));
            } catch (const outage::UsageStoreUnavailable&) {
            }
        };
        const std::vector<Measurement> before{{all[0], 1'000, 10, now}, {all[1], 100, 1, now}};
        const std::vector<Measurement> after{{all[0], 5'000, 50, now + milliseconds(900)},
                                             {all[2], 300, 3, now + milliseconds(900)}};
        loop_.RunUntilDone(store->Commit(before, milliseconds(0)));
        for (int i = 0; i < 4; ++i) Reserve(*store, "m" + std::to_string(i), 20, all[0]);
        Reserve(*store, "m4", 30, all[1]);
        Reserve(*store, "m5", 40, all[3]);

        server.Command({"ACL", "SETUSER", "default", "-" + command});
        const auto reserve = [](UsageStore& to, Reservation what) -> async::Task<void> {
            co_await to.Reserve(what);
        };
        may_fail(reserve(*store, {"n1", 7, {{all[0], 0, 0}, {all[1], 0, 0}, {all[2], 0, 0}}}));
        may_fail(reserve(*store, {"m0", 9, {{all[0], 0, 0}}}));
        may_fail(store->Release("m1", std::span(all).first(1), Unreserve::kEverything));
        may_fail(store->Release("m4", std::span(all).subspan(1, 1), Unreserve::kEverything));
        may_fail(store->Release("m5", std::span(all).subspan(3, 1), Unreserve::kEverything));
        may_fail(store->Commit(after, milliseconds(0)));
        may_fail(store->Remove(std::span(all).subspan(1, 2)));
        server.Command({"ACL", "SETUSER", "default", "+" + command});

        Usage sum;
        for (const std::string& mailbox : all) {
            const Usage usage = loop_.RunUntilDone(store->Find(mailbox)).value_or(Usage());
            sum.bytes += usage.bytes;
            sum.messages += usage.messages;
            sum.reserved_bytes += usage.reserved_bytes;
            sum.reserved_messages += usage.reserved_messages;
        }
        EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("example.com")), sum);
        loop_.RunUntilDone(store->Remove(all));
        EXPECT_EQ(server.Command({"GET", "policyd:{example.com}:d"}), "");
    }
}

/// Stores of which Redis loses keys, as one does that evicts them.
class RedisLossTest : public RedisUsageStoreTest {
protected:
    void Commit(const std::vector<std::string>& mailboxes, std::uint64_t bytes) {
        std::vector<Measurement> measured;
        const text::WallTime now = loop_.RunUntilDone(store_->Now());
        for (const std::string& mailbox : mailboxes) measured.push_back({mailbox, bytes, 1, now});
        loop_.RunUntilDone(store_->Commit(measured, kReservationGrace));
    }

    void Lose(const std::string& key) { server_.Command({"DEL", "policyd:{example.com}:" + key}); }

    std::vector<std::string> Mend() { return loop_.RunUntilDone(store_->MendDomains()).wrong; }

    std::optional<Usage> Domain() { return loop_.RunUntilDone(store_->FindDomain("example.com")); }

    static std::vector<std::string> Mailboxes(int count) {
        std::vector<std::string> names;
        for (int i = 0; i < count; ++i) names.push_back("u" + std::to_string(i) + "@example.com");
        return names;
    }

    test::RedisServer server_;
    std::unique_ptr<UsageStore> store_ = Open(server_);
};

TEST_F(RedisLossTest, BringsADomainBackToTheSumOfItsMailboxesAfterSomeWereLost) {
    const std::vector<std::string> all = Mailboxes(3000);
    Commit(all, 10);
    Commit({"ann@example.org"}, 7);
    Reserve(*store_, "m1", 5, "u2@example.com");
    for (int i = 0; i < 2; ++i) {
        Lose("m:u0");
        Lose("m:u1");
        Commit({all[0], all[1]}, 10);
    }
    ASSERT_EQ(Domain()->bytes, 30'040u) << "counted again";

    EXPECT_THAT(Mend(), testing::ElementsAre("example.com"));
    EXPECT_EQ(Domain()->bytes, 30'000u);
    EXPECT_EQ(Domain()->messages, 3000u);
    EXPECT_EQ(Domain()->reserved_bytes, 5u);
    EXPECT_EQ(Domain()->reserved_messages, 1u);
    EXPECT_EQ(loop_.RunUntilDone(store_->FindDomain("example.org"))->bytes, 7u);
    EXPECT_THAT(Mend(), testing::IsEmpty());
    loop_.RunUntilDone(store_->Remove(all));
    EXPECT_EQ(server_.Command({"KEYS", "policyd:{example.com}:*"}), "") << "the number is right";
}

TEST_F(RedisLossTest, BringsBackADomainThatWasLostAndItsListOfReservations) {
    Commit(Mailboxes(3), 10);
    Reserve(*store_, "m1", 5, "u2@example.com");
    Lose("d");
    Lose("r");
    Commit(Mailboxes(3), 11);
    ASSERT_EQ(Domain(), std::nullopt);

    EXPECT_THAT(Mend(), testing::ElementsAre("example.com"));
    EXPECT_EQ(Domain()->bytes, 33u);
    EXPECT_EQ(Domain()->messages, 3u);
    EXPECT_EQ(Domain()->reserved_bytes, 5u);
    EXPECT_EQ(server_.Command({"ZRANGE", "policyd:{example.com}:r", "0", "-1"}), "u2");
}

TEST_F(RedisLossTest, ForgetsADomainOfWhichEveryMailboxWasLost) {
    Commit({"ann@example.com"}, 10);
    Lose("m:ann");
    EXPECT_THAT(Mend(), testing::ElementsAre("example.com"));
    EXPECT_EQ(server_.Command({"KEYS", "*}:*"}), "");
}

TEST_F(RedisLossTest, CallsNoDomainWrongOfWhichItOnlyLostTheListOfReservations) {
    Reserve(*store_, "m1", 5, "ann@example.com");
    Lose("r");
    EXPECT_THAT(Mend(), testing::IsEmpty());
}

TEST_F(RedisLossTest, CountsADomainAnewBesideReservationsCommitsAndRemovals) {
    const std::vector<std::string> all = Mailboxes(3000);
    Commit(all, 10);
    Lose("m:u0");
    Commit({all[0]}, 10);
    std::vector<std::string> wrong;
    bool has_ended = false;
    const auto mend = [](UsageStore& store, std::vector<std::string>& names,
                         bool& ended) -> async::Task<void> {
        const MendedDomains mended = co_await store.MendDomains();
        names = mended.wrong;
        ended = true;
    };
    int changes = 0;
    int under_way = 0;
    const auto change = [](UsageStore& store, const bool& ended, int& count,
                           int& running) -> async::Task<void> {
        ++running;
        while (!ended) {
            const int n = count++;
            const std::string id = std::to_string(n);
            const std::vector<std::string> old{"u" + std::to_string(n * 37 % 3100) +
                                               "@example.com"};
            const std::vector<std::string> young{"v" + std::to_string(n % 50) + "@example.com"};
            const Reservation held{id, 3, {{old[0], 0, 0}, {young[0], 0, 0}}};
            co_await store.Reserve(held);
            const text::WallTime now = co_await store.Now();
            const std::vector<Measurement> measured{{old[0], 12, 2, now}, {young[0], 5, 1, now}};
            co_await store.Commit(measured, milliseconds(n % 2));
            if (n % 3 == 0) co_await store.Remove(n % 2 == 0 ? old : young);
            if (n % 5 == 0) co_await store.Release(id, young, Unreserve::kEverything);
        }
        --running;
    };
    const auto other = Open(server_);
    for (int i = 0; i < 20; ++i) Start(change(*other, has_ended, changes, under_way));
    Start(mend(*store_, wrong, has_ended));
    while (!has_ended || under_way > 0) loop_.RunOnce();
    EXPECT_GT(changes, 40);
    EXPECT_THAT(wrong, testing::ElementsAre("example.com"));

    Usage sum;
    for (const char* prefix : {"u", "v"}) {
        for (int i = 0; i < 3100; ++i) {
            const std::string name = prefix + std::to_string(i) + "@example.com";
            const Usage usage = loop_.RunUntilDone(store_->Find(name)).value_or(Usage());
            sum.bytes += usage.bytes;
            sum.messages += usage.messages;
            sum.reserved_bytes += usage.reserved_bytes;
            sum.reserved_messages += usage.reserved_messages;
        }
    }
    EXPECT_EQ(Domain(), sum);
    EXPECT_EQ(server_.Command({"EXISTS", "policyd:{example.com}:n"}), "0");
    EXPECT_THAT(Mend(), testing::IsEmpty());
}

TEST_F(RedisLossTest, GoesOnWithADomainWhoseCountSomebodyBeganAndNeverEnded) {
    Commit({"ann@example.com"}, 10);
    Lose("m:ann");
    const std::string key = "policyd:{example.com}:d";
    const std::string set =
        "local d = redis.call('GET', KEYS[1]) "
        "return redis.call('SET', KEYS[1], d .. '12345678')";
    server_.Command({"EVAL", set, "1", key});
    Commit({"bob@example.com"}, 10);
    EXPECT_EQ(server_.Command({"EVAL", "return #redis.call('GET', KEYS[1])", "1", key}), "56");
    server_.Command({"EVAL", set, "1", key});
    server_.Command({"HSET", "policyd:{example.com}:n", "s", std::string(40, 'x'), "m:bob", ""});
    EXPECT_THAT(Mend(), testing::ElementsAre("example.com"));
    EXPECT_EQ(Domain()->bytes, 10u);
}

TEST_F(RedisLossTest, LeavesADomainAloneOfWhichSomethingIsBrokenAndMendsTheOthers) {
    const std::string bad = "policyd:{bad.example}:";
    const std::vector<std::vector<std::string>> all{{"SET", bad + "d", "short"},
                                                    {"SADD", bad + "d", "no string"},
                                                    {"SET", bad + "m:ann", "no hash"},
                                                    {"HSET", bad + "m:ann", "u", "short"},
                                                    {"SET", bad + "r", "no list"}};
    for (const std::vector<std::string>& broken : all) {
        SCOPED_TRACE(broken[1] + ' ' + broken.back());
        server_.Command({"FLUSHALL"});
        Reserve(*store_, "m1", 5, "bob@bad.example");
        server_.Command({"DEL", bad + "d", broken[1]});
        server_.Command(broken);
        Commit({"ann@example.com"}, 10);
        Lose("m:ann");
        Commit({"ann@example.com"}, 10);

        const MendedDomains mended = loop_.RunUntilDone(store_->MendDomains());
        EXPECT_THAT(mended.wrong, testing::ElementsAre("example.com"));
        EXPECT_EQ(Domain()->bytes, 10u);
        EXPECT_THAT(mended.broken, testing::ElementsAre(testing::Key("bad.example")));
    }
}

TEST_F(RedisLossTest, NamesTheKeyUnderWhichSomethingElseLies) {
    server_.Command({"SET", "policyd:{other.example}:m:ann", "no hash"});
    EXPECT_THAT(loop_.RunUntilDone(store_->MendDomains()).broken,
                testing::ElementsAre(testing::Pair(
                    "other.example", testing::AllOf(testing::HasSubstr("}:m:ann: "),
                                                    testing::HasSubstr("WRONGTYPE")))));
}

TEST_F(RedisLossTest, CallsADomainBrokenNeitherInAnOutageNorForLackOfARight) {
    Commit({"ann@example.com"}, 10);
    server_.Command({"ACL", "SETUSER", "default", "-hget"});
    EXPECT_THROW(Mend(), outage::UsageStoreUnavailable);
    server_.Command({"ACL", "SETUSER", "default", "+hget", "-evalsha", "-set"});
    Lose("m:ann");
    EXPECT_THROW(Mend(), outage::UsageStoreUnavailable);
    server_.Stop(SIGKILL);
    EXPECT_THROW(Mend(), outage::UsageStoreUnavailable);
}

TEST_F(RedisUsageStoreTest, LeavesAKeyAloneThatIsNoDomainOfItsOwn) {
    test::RedisServer server;
    const auto store = Open(server);
    const std::string foreign = "policyd:{b.example}:d";
    server.Command({"SADD", foreign, "not ours"});
    Outcome good;
    Outcome bad;
    Start(Ask(*store, {"m1", 10, {{"ann@a.example", 0, 0}}}, good));
    Start(Ask(*store, {"m2", 10, {{"bob@b.example", 0, 0}}}, bad));
    while (good.ended + bad.ended < 2) loop_.RunOnce();
    EXPECT_EQ(good.granted, 1u);
    EXPECT_EQ(bad.failed, 1u);
    EXPECT_EQ(server.Command({"SMEMBERS", foreign}), "not ours");
    EXPECT_EQ(loop_.RunUntilDone(store->FindDomain("a.example"))->reserved_bytes, 10u);
}

TEST_F(RedisUsageStoreTest, NeedsNoMoreRightsThanTheManualSays) {
    test::RedisServer server(
        {"--user",     "default",        "off",   "--user", "policyd",  "on",    ">secret",
         "~policyd:*", "resetchannels",  "-@all", "+role",  "+time",    "+scan", "+eval",
         "+evalsha",   "+script|load",   "+get",  "+set",   "+del",     "+hget", "+hmget",
         "+hgetall",   "+hlen",          "+hset", "+hdel",  "+pexpire", "+zadd", "+zrem",
         "+zrange",    "+zrangebyscore", "+sadd", "+srem",  "+spop"});
    const std::string password = server.Directory().Write("password", "secret\n");
    std::filesystem::permissions(password, std::filesystem::perms::owner_read);
    const auto store = Open(server, "policyd", password);

    for (int i = 0; i < 700; ++i)  // enough that sums are made of them
        Reserve(*store, "m" + std::to_string(i), 10, "ann@example.com");
    Reserve(*store, "m0", 20, "ann@example.com");
    Release(*store, "m1", "ann@example.com");
    const auto usage = loop_.RunUntilDone(store->Find("ann@example.com"));
    EXPECT_EQ(usage->reserved_bytes, 7'000u);
    const std::vector<Measurement> measured{{"ann@example.com", 10, 1, text::SystemWallTime()}};
    loop_.RunUntilDone(store->Commit(measured, milliseconds(0)));
    EXPECT_THAT(loop_.RunUntilDone(store->MeasuredMailboxes()),
                testing::ElementsAre("ann@example.com"));
    const std::vector<std::string> ann{"ann@example.com"};
    EXPECT_THAT(loop_.RunUntilDone(store->TakeChanged(10)), testing::ElementsAreArray(ann));
    EXPECT_TRUE(loop_.RunUntilDone(store->NoteWarned(ann[0], std::nullopt, 80)));
    EXPECT_EQ(loop_.RunUntilDone(store->FindFilling(ann[0]))->warned, 80u);
    EXPECT_EQ(loop_.RunUntilDone(store->FindSite()).messages, 1u);
    loop_.RunUntilDone(store->NoteFull(ann, std::chrono::hours(1)));
    loop_.RunUntilDone(store->NoteRoom(ann));
    loop_.RunUntilDone(store->Remove(ann));
    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@example.com")), std::nullopt);
    Reserve(*store, "m0", 20, "ann@example.com");
    EXPECT_THAT(loop_.RunUntilDone(store->UnmeasuredMailboxes()), testing::ElementsAreArray(ann));
    loop_.RunUntilDone(store->NoteAbsent(ann, text::SystemWallTime(), -milliseconds(900)));
    EXPECT_EQ(loop_.RunUntilDone(store->Find("ann@example.com")), std::nullopt);
    Reserve(*store, "m0", 20, "ann@example.com");
    Reserve(*store, "m0", 20, "bob@example.com");
    const std::string lose = "redis.call('DEL', 'policyd:{example.com}:m:bob')";
    EXPECT_EQ(loop_.RunUntilDone(store->MendDomains()).wrong.size(), 0u);
    server.Command({"--user", "policyd", "--pass", "secret", "EVAL", lose, "0"});
    EXPECT_EQ(loop_.RunUntilDone(store->MendDomains()).wrong.size(), 1u);
}

}  // namespace
}  // namespace policyd::usage
