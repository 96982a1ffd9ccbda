// What only the store in Redis promises.

#include <sstream>

#include "common/usage/redis_keys.hpp"
#include "tests/contract/redis_usage_store_fixture.hpp"
#include "tests/support/fake_redis.hpp"

namespace policyd::usage {
namespace {

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
    RedisUsageStore store(loop_, std::move(options));
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

TEST_F(RedisUsageStoreTest, AnAnswerThatMakesNoSenseIsAnOutageOfTheStore) {
    test::FakeRedis server({});  // that has nothing to say
    RedisUsageStore::Options options;
    options.server.endpoint = server.Endpoint();
    options.server.time_limit = std::chrono::seconds(20);
    RedisUsageStore store(loop_, std::move(options));
    EXPECT_THROW(loop_.RunUntilDone(store.Now()), outage::UsageStoreUnavailable);
}

TEST_F(RedisUsageStoreTest, ATimeOfFullnessThatIsNoneIsAnOutageOfTheStore) {
    test::RedisServer server;
    const auto store = Open(server);
    server.Command({"SET", RedisFullnessKey("ann@example.com"), "yesterday"});
    const std::vector<std::string> mailboxes{"ann@example.com"};
    EXPECT_THROW(loop_.RunUntilDone(store->NoteFull(mailboxes, std::chrono::hours(1))),
                 outage::UsageStoreUnavailable);
}

}  // namespace
}  // namespace policyd::usage
