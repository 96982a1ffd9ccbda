// Four servers with fifty connections each offer far more mail than a thousand mailboxes can hold,
// while a scanner measures, users delete, messages are repeated, refused, aborted and lost, and
// (for Redis) the store is killed and restarted in the middle. Messages are delivered some time
// after they were accepted, as Postfix does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <thread>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"
#include "common/usage/redis_usage_store.hpp"
#include "common/usage/sqlite_usage_store.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/find_again.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::usage {
namespace {

using std::chrono::milliseconds;
using test::FromEnvironment;

constexpr std::size_t kMailboxes = 1000;
constexpr std::size_t kDomains = 20;
constexpr std::uint64_t kLimit = 4000;
constexpr std::uint64_t kDomainLimit = kLimit * (kMailboxes / kDomains) * 4 / 5;
constexpr int kServers = 4;
constexpr int kConnections = 50;
/// Far longer than a delivery takes here, however busy the machine is.
constexpr milliseconds kGrace = std::chrono::seconds(5);

/// What really happened, seen by all processes.
struct Truth {
    struct Mailbox {
        std::atomic<std::int64_t> accepted{0};   // bytes that are or will be stored
        std::atomic<std::int64_t> delivered{0};  // bytes << 20 | messages that are stored
    };
    std::array<Mailbox, kMailboxes> mailboxes;
    std::array<std::atomic<std::int64_t>, kDomains> domains{};  // accepted
    std::atomic<std::int64_t> offered{0};
    std::atomic<std::int64_t> granted{0};
    std::atomic<std::int64_t> refused{0};
    std::atomic<std::int64_t> outages{0};
    std::atomic<std::int64_t> overshoots{0};
    std::atomic<int> servers_left{kServers};
};

std::int64_t Stored(std::int64_t bytes) {
    return (bytes << 20) + 1;
}

std::string DomainName(std::size_t mailbox) {
    return "d" + std::to_string(mailbox % kDomains) + ".example";
}

std::string MailboxName(std::size_t mailbox) {
    return "user" + std::to_string(mailbox) + '@' + DomainName(mailbox);
}

/// One policy server: connections that each send one message after the other.
class StressedServer {
public:
    StressedServer(async::EventLoop& loop, UsageStore& store, Truth& truth, int number)
        : loop_(loop), store_(store), truth_(truth), number_(number) {}

    void Run(std::uint64_t messages) {
        for (int i = 0; i < kConnections; ++i) {
            const auto fail = [](std::exception_ptr failure) { std::rethrow_exception(failure); };
            async::Spawn(Connection(i, messages), fail);
        }
        while (busy_ > 0) loop_.RunOnce();
    }

private:
    struct Message {
        std::string id;
        std::size_t mailbox = 0;
        std::vector<std::string> mailboxes;
    };

    async::Task<> Connection(int number, std::uint64_t messages) {
        ++busy_;
        std::mt19937_64 random(static_cast<std::uint64_t>(number_ * 1000 + number));
        for (std::uint64_t i = 0, tries = 0; i < messages; ++tries) {
            Message message;
            message.id = std::to_string(number_) + '.' + std::to_string(number) + '.' +
                         std::to_string(tries) + "@mx";
            message.mailbox = random() % kMailboxes;
            message.mailboxes.push_back(MailboxName(message.mailbox));
            bool deferred = false;
            try {
                co_await Send(message, random);
                ++i;
            } catch (const outage::UsageStoreUnavailable&) {
                deferred = true;
                ++truth_.outages;
            }
            if (deferred) co_await async::Sleep(loop_.Raw(), milliseconds(50));
        }
        --busy_;
    }

    async::Task<> Send(const Message& message, std::mt19937_64& random) {
        ++truth_.offered;
        const std::uint64_t declared = random() % 2 == 0 ? 0 : random() % 2000;
        const std::uint64_t size = 1 + random() % 2000;
        const bool at_recipient = co_await Ask(message, declared, random);
        if (!at_recipient) co_return;
        const std::uint64_t fate = random() % 100;
        if (fate < 5) co_return;  // the client is gone, and nobody told us
        if (fate < 15) {
            co_await store_.Release(message.id, message.mailboxes);
            co_return;
        }
        const bool at_end = co_await Ask(message, size, random);
        if (!at_end) {
            co_await store_.Release(message.id, message.mailboxes);
            co_return;
        }
        if (fate < 20) co_return;  // something after us refused it
        Accepted(message, static_cast<std::int64_t>(size));
        co_await async::Sleep(loop_.Raw(), milliseconds(random() % 50));
        truth_.mailboxes[message.mailbox].delivered += Stored(static_cast<std::int64_t>(size));
    }

    /// Postfix repeats what it got no answer to.
    async::Task<bool> Ask(const Message& message, std::uint64_t size, std::mt19937_64& random) {
        Reservation reservation;
        reservation.id = message.id;
        reservation.bytes = size;
        reservation.limits.push_back({message.mailboxes.front(), kLimit, 0});
        reservation.domain_limits.push_back({DomainName(message.mailbox), kDomainLimit, 0});
        Reserved reserved = co_await store_.Reserve(reservation);
        if (random() % 10 == 0) reserved = co_await store_.Reserve(reservation);
        ++(reserved.IsGranted() ? truth_.granted : truth_.refused);
        co_return reserved.IsGranted();
    }

    void Accepted(const Message& message, std::int64_t size) {
        const std::int64_t mailbox = truth_.mailboxes[message.mailbox].accepted += size;
        const std::int64_t domain = truth_.domains[message.mailbox % kDomains] += size;
        if (mailbox > static_cast<std::int64_t>(kLimit) ||
            domain > static_cast<std::int64_t>(kDomainLimit))
            ++truth_.overshoots;
    }

    async::EventLoop& loop_;
    UsageStore& store_;
    Truth& truth_;
    const int number_;
    int busy_ = 0;
};

class QuotaStressTest : public testing::Test {
protected:
    using Open = std::function<std::unique_ptr<UsageStore>(async::EventLoop&)>;

    QuotaStressTest() {
        void* const memory =
            mmap(nullptr, sizeof(Truth), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        truth_ = new (memory) Truth;
    }
    ~QuotaStressTest() override { munmap(truth_, sizeof(Truth)); }

    void StartServers(const Open& open, std::uint64_t messages) {
        for (int i = 0; i < kServers; ++i) {
            const pid_t child = fork();
            ASSERT_GE(child, 0);
            if (child == 0) _exit(Serve(open, i, messages));
            children_.push_back(child);
        }
    }

    int Serve(const Open& open, int number, std::uint64_t messages) const {
        int status = 0;
        try {
            async::EventLoop loop;
            const auto store = open(loop);
            StressedServer(loop, *store, *truth_, number).Run(messages);
        } catch (const std::exception& error) {
            fprintf(stderr, "server %d: %s\n", number, error.what());
            status = 1;
        }
        --truth_->servers_left;
        return status;
    }

    /// Measures as long as the servers work; every now and then a user deletes his mail.
    void ScanMeanwhile(async::EventLoop& loop, UsageStore& store,
                       const std::function<void()>& at_half, std::int64_t half) {
        std::mt19937_64 random(1);
        bool before_half = true;
        while (truth_->servers_left > 0) {
            if (before_half && truth_->offered >= half) {
                before_half = false;
                at_half();
            }
            DeleteMailOf(random() % kMailboxes);
            try {
                loop.RunUntilDone(Scan(store, kGrace));
            } catch (const outage::UsageStoreUnavailable&) {
                ++truth_->outages;
            }
        }
        for (const pid_t child : children_) {
            int status = 0;
            waitpid(child, &status, 0);
            EXPECT_EQ(status, 0);
        }
        loop.RunUntilDone(test::FindAgain(loop, store));
    }

    void DeleteMailOf(std::size_t mailbox) {
        const std::int64_t stored = truth_->mailboxes[mailbox].delivered.exchange(0);
        truth_->mailboxes[mailbox].accepted -= stored >> 20;
        truth_->domains[mailbox % kDomains] -= stored >> 20;
    }

    async::Task<> Scan(UsageStore& store, milliseconds grace) {
        std::vector<Measurement> measurements;
        const text::WallTime began = co_await store.Now();
        for (std::size_t i = 0; i < kMailboxes; ++i) {
            const std::int64_t stored = truth_->mailboxes[i].delivered;
            measurements.push_back({MailboxName(i), static_cast<std::uint64_t>(stored >> 20),
                                    static_cast<std::uint64_t>(stored & 0xfffff), began});
        }
        co_await store.Commit(measurements, grace);
    }

    /// A domain is the sum of its mailboxes, to the byte, with all that is still reserved.
    void ExpectThatDomainsAddUp(async::EventLoop& loop, UsageStore& store) {
        std::array<Usage, kDomains> sums{};
        for (std::size_t i = 0; i < kMailboxes; ++i) {
            const Usage usage = loop.RunUntilDone(store.Find(MailboxName(i))).value_or(Usage());
            sums[i % kDomains].bytes += usage.bytes;
            sums[i % kDomains].messages += usage.messages;
            sums[i % kDomains].reserved_bytes += usage.reserved_bytes;
            sums[i % kDomains].reserved_messages += usage.reserved_messages;
        }
        for (std::size_t d = 0; d < kDomains; ++d)
            EXPECT_EQ(loop.RunUntilDone(store.FindDomain(DomainName(d))), sums[d]) << d;
    }

    /// Once all is delivered and measured, the store knows what is there and nothing else, takes
    /// what fits to the last byte, and no more.
    void ExpectThatBooksBalance(async::EventLoop& loop, UsageStore& store) {
        ExpectThatDomainsAddUp(loop, store);
        loop.RunUntilDone(async::Task<>(Settle(loop, store)));
        for (std::size_t i = 0; i < kMailboxes; ++i) {
            const std::int64_t stored = truth_->mailboxes[i].delivered;
            EXPECT_EQ(truth_->mailboxes[i].accepted, stored >> 20);
            const std::string name = MailboxName(i);
            const Usage usage = loop.RunUntilDone(store.Find(name)).value_or(Usage());
            EXPECT_EQ(usage.bytes, static_cast<std::uint64_t>(stored >> 20)) << name;
            EXPECT_EQ(usage.messages, static_cast<std::uint64_t>(stored & 0xfffff)) << name;
            EXPECT_EQ(usage.reserved_bytes, 0u) << name;
            EXPECT_EQ(usage.reserved_messages, 0u) << name;
            Reservation reservation{"last", kLimit - usage.bytes + 1, {{name, kLimit, 0}}};
            EXPECT_FALSE(loop.RunUntilDone(store.Reserve(reservation)).IsGranted()) << name;
            --reservation.bytes;
            const bool fits = reservation.bytes > 0;
            EXPECT_EQ(loop.RunUntilDone(store.Reserve(reservation)).IsGranted(), fits) << name;
        }
        ExpectThatDomainsAddUp(loop, store);
    }

    async::Task<> Settle(async::EventLoop& loop, UsageStore& store) {
        const text::WallTime last = co_await store.Now();
        while (co_await store.Now() <= last) co_await async::Sleep(loop.Raw(), milliseconds(1));
        co_await Scan(store, milliseconds(0));
    }

    void Report() const {
        printf("%ld messages offered, %ld answers yes, %ld no, %ld could not tell\n",
               static_cast<long>(truth_->offered), static_cast<long>(truth_->granted),
               static_cast<long>(truth_->refused), static_cast<long>(truth_->outages));
    }

    Truth* truth_;
    std::vector<pid_t> children_;
};

TEST_F(QuotaStressTest, NoMailboxInRedisExceedsItsLimitAlsoWhenRedisIsKilled) {
    const std::uint64_t messages = FromEnvironment("POLICYD_STRESS_MESSAGES", 50);
    test::RedisServer server;
    const Open open = [&server](async::EventLoop& loop) {
        RedisUsageStore::Options options;
        options.server.endpoint = server.UnixEndpoint();
        options.server.time_limit = std::chrono::seconds(20);
        return std::make_unique<RedisUsageStore>(loop, std::move(options));
    };
    StartServers(open, messages);
    async::EventLoop loop;
    const auto store = open(loop);
    const auto kill_and_restart = [&server] {
        server.Stop(SIGKILL);
        server.Start();
    };
    ScanMeanwhile(loop, *store, kill_and_restart,
                  static_cast<std::int64_t>(messages) * kServers * kConnections / 2);
    Report();

    EXPECT_EQ(truth_->overshoots, 0);
    EXPECT_GT(truth_->refused, 0);
    EXPECT_GT(truth_->outages, 0);
    ExpectThatBooksBalance(loop, *store);
}

TEST_F(QuotaStressTest, NoMailboxInSqliteExceedsItsLimit) {
    const std::uint64_t messages = FromEnvironment("POLICYD_STRESS_MESSAGES", 50) / 2;
    const test::ScratchDirectory directory;
    const Open open = [&directory](async::EventLoop& loop) {
        SqliteUsageFile::Options options;
        options.path = directory / "usage.sqlite";
        return std::make_unique<SqliteUsageStore>(loop.Raw(), std::move(options));
    };
    StartServers(open, messages);
    async::EventLoop loop;
    const auto store = open(loop);
    ScanMeanwhile(
        loop, *store, [] {}, 0);
    Report();

    EXPECT_EQ(truth_->overshoots, 0);
    EXPECT_GT(truth_->refused, 0);
    ExpectThatBooksBalance(loop, *store);
}

}  // namespace
}  // namespace policyd::usage
