// What is told to Redis again that may have lost it.

#include <signal.h>

#include "tests/contract/redis_usage_store_fixture.hpp"

namespace policyd::usage {
namespace {

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

}  // namespace
}  // namespace policyd::usage
