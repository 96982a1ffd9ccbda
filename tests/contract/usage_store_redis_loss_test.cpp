// What becomes of domains where Redis loses keys, or has others than ours.

#include <signal.h>

#include "tests/contract/redis_usage_store_fixture.hpp"

namespace policyd::usage {
namespace {

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

}  // namespace
}  // namespace policyd::usage
