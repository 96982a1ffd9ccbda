// The story of quota_stress_test.cpp once more with real servers: four policyd with two workers and
// fifty connections each, asked as Postfix asks, over one Redis that is killed in the middle.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>

#include "common/async/event_loop.hpp"
#include "common/usage/redis_usage_store.hpp"
#include "tests/integration/small_site.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/find_again.hpp"
#include "tests/support/redis_server.hpp"

namespace policyd::usage {
namespace {

using std::chrono::milliseconds;
using test::FromEnvironment;
using test::PolicyClient;
using test::PolicydProcess;
using test::SmallSite;

constexpr std::size_t kMailboxes = 1000;
constexpr std::size_t kDomains = 20;
constexpr std::int64_t kLimit = 4000;
constexpr std::int64_t kDomainLimit = kLimit * (kMailboxes / kDomains) * 4 / 5;
constexpr int kServers = 4;
constexpr int kConnections = 50;
constexpr milliseconds kGrace = std::chrono::seconds(10);

std::string DomainName(std::size_t mailbox) {
    return "d" + std::to_string(mailbox % kDomains) + ".example";
}

std::string MailboxName(std::size_t mailbox) {
    return "user" + std::to_string(mailbox) + '@' + DomainName(mailbox);
}

/// What became of the mail, whatever the servers say of it.
struct Truth {
    struct Mailbox {
        std::atomic<std::int64_t> accepted{0};   // bytes that are or will be stored
        std::atomic<std::int64_t> delivered{0};  // bytes << 20 | messages that are stored
        std::atomic<std::int64_t> charged{0};    // bytes of all whose end was accepted
    };
    std::array<Mailbox, kMailboxes> mailboxes;
    std::array<std::atomic<std::int64_t>, kDomains> domains{};  // accepted
    std::atomic<std::int64_t> offered{0};
    std::atomic<std::int64_t> taken{0};
    std::atomic<std::int64_t> refused{0};
    std::atomic<std::int64_t> perhaps_full{0};  // deferred for that
    std::atomic<std::int64_t> deferred{0};      // for an outage
    std::atomic<std::int64_t> overshoots{0};
};

/// An smtpd(8) process with its connection, which sends one message after the other.
class Smtpd {
public:
    Smtpd(std::filesystem::path socket, Truth& truth, int number)
        : socket_(std::move(socket)),
          truth_(truth),
          number_(number),
          random_(FromEnvironment("POLICYD_SEED", 1) * 1000 + static_cast<unsigned>(number)) {}

    void Run(std::uint64_t messages) {
        for (std::uint64_t i = 0; i < messages; ++i) Send(i);
    }

private:
    void Send(std::uint64_t number) {
        ++truth_.offered;
        instance_ = std::to_string(number_) + '.' + std::to_string(number);
        const std::size_t mailbox = random_() % kMailboxes;
        const std::int64_t size = 1 + static_cast<std::int64_t>(random_() % 2000);
        const std::int64_t declared = random_() % 2 == 0 ? 0 : size;
        const std::uint64_t fate = random_() % 100;
        if (!IsLetPass("RCPT", mailbox, declared)) return;
        if (fate < 5) {
            client_.reset();  // gone, with the process
            return;
        }
        if (fate < 15) return;           // aborted: the next instance follows
        if (fate < 25) client_.reset();  // goes on over another connection
        if (!IsLetPass("END-OF-MESSAGE", mailbox, size)) return;
        ++truth_.taken;
        truth_.mailboxes[mailbox].charged += size;
        if (fate < 30) return;  // something after us refused it
        const std::int64_t in_mailbox = truth_.mailboxes[mailbox].accepted += size;
        const std::int64_t in_domain = truth_.domains[mailbox % kDomains] += size;
        if (in_mailbox > kLimit || in_domain > kDomainLimit) ++truth_.overshoots;
        std::this_thread::sleep_for(milliseconds(random_() % 50));  // the delivery
        truth_.mailboxes[mailbox].delivered += (size << 20) + 1;
    }

    bool IsLetPass(const char* stage, std::size_t mailbox, std::int64_t size) {
        const std::string action = Ask(test::RequestText({{"request", "smtpd_access_policy"},
                                                          {"protocol_state", stage},
                                                          {"instance", instance_},
                                                          {"recipient", MailboxName(mailbox)},
                                                          {"recipient_count", "1"},
                                                          {"size", std::to_string(size)}}));
        if (action == "DUNNO") return true;
        ++(action.starts_with("5")      ? truth_.refused
           : action.starts_with("452 ") ? truth_.perhaps_full
                                        : truth_.deferred);
        return false;
    }

    /// Some answers get lost on the way: Postfix asks once more then.
    std::string Ask(const std::string& request) {
        if (!client_) client_.emplace(socket_);
        const std::string action = client_->Ask(request);
        if (random_() % 20 != 0) return action;
        client_.emplace(socket_);
        return client_->Ask(request);
    }

    const std::filesystem::path socket_;
    Truth& truth_;
    const int number_;
    std::mt19937_64 random_;
    std::optional<PolicyClient> client_;
    std::string instance_;
};

class QuotaServersTest : public testing::Test {
protected:
    void StartServers(const std::string& failure_action) {
        std::string mailboxes;
        std::string limits;
        for (std::size_t i = 0; i < kMailboxes; ++i) {
            mailboxes += MailboxName(i) + ' ' + DomainName(i) + "/user" + std::to_string(i) + "/\n";
            limits += MailboxName(i) + ' ' + std::to_string(kLimit) + '\n';
        }
        std::string domains;
        for (std::size_t i = 0; i < kDomains; ++i)
            domains += DomainName(i) + ' ' + std::to_string(kDomainLimit) + '\n';
        const auto table = [this](const char* name, const std::string& text) {
            return SmallSite::Quoted("texthash:" + directory_.Write(name, text).string());
        };
        const SmallSite::Options options = {
            {"virtual_mailbox_domains", table("domains", domains)},
            {"virtual_mailbox_maps", table("mailboxes", mailboxes)},
            {"virtual_mailbox_limit_maps", table("limits", limits)},
            {"virtual_domain_limit_maps", table("domain_limits", domains)},
            {"usage_store", SmallSite::Quoted("redis:" + redis_.UnixEndpoint().ToText())},
            {"usage_store_failure_action", SmallSite::Quoted(failure_action)},
            {"checks", "[\"mailbox_quota\"]"},
            {"workers", "2"},
            {"recipient_cache_time", "\"1h\""},
            {"redis_time_limit", "\"10s\""},
            {"request_time_limit", "\"20s\""},
            {"log_level", "\"error\""}};
        for (int i = 0; i < kServers; ++i) {
            sites_.push_back(std::make_unique<SmallSite>(options));
            servers_.push_back(
                std::make_unique<PolicydProcess>(sites_.back()->Config(), sites_.back()->Socket()));
        }
        RedisUsageStore::Options store;
        store.server.endpoint = redis_.UnixEndpoint();
        store.server.time_limit = std::chrono::seconds(60);
        store_ = std::make_unique<RedisUsageStore>(loop_, std::move(store));
    }

    /// `meanwhile` again and again until all connections are through; Redis dies at half.
    void Offer(std::uint64_t messages, const std::function<void()>& meanwhile) {
        std::vector<std::thread> threads;
        std::atomic<int> working = kServers * kConnections;
        std::atomic<bool> failed = false;
        for (int i = 0; i < kServers * kConnections; ++i)
            threads.emplace_back([&, i] {
                try {
                    Smtpd(sites_[static_cast<std::size_t>(i % kServers)]->Socket(), truth_, i)
                        .Run(messages);
                } catch (const std::exception& error) {
                    fprintf(stderr, "connection %d: %s\n", i, error.what());
                    failed = true;
                }
                --working;
            });
        const auto half = static_cast<std::int64_t>(messages) * kServers * kConnections / 2;
        bool before_half = true;
        while (working > 0) {
            if (before_half && truth_.offered >= half) {
                before_half = false;
                redis_.Stop(SIGKILL);
                const std::int64_t offered = truth_.offered;
                test::WaitUntil("mail during the outage",
                                [&] { return truth_.offered >= offered + 200 || working == 0; });
                redis_.Start();
            }
            meanwhile();
        }
        for (std::thread& thread : threads) thread.join();
        EXPECT_FALSE(failed);
        for (const auto& site : sites_)
            test::WaitUntil("the server to be told all",
                            [&site] { return site->Metric("policyd_owed_changes") == 0; });
        printf("%ld messages offered, %ld taken, %ld refusals, %ld for now, %ld deferrals\n",
               static_cast<long>(truth_.offered), static_cast<long>(truth_.taken),
               static_cast<long>(truth_.refused), static_cast<long>(truth_.perhaps_full),
               static_cast<long>(truth_.deferred));
    }

    void StopServers() {
        loop_.RunUntilDone(test::FindAgain(loop_, *store_));
        for (const auto& server : servers_) EXPECT_EQ(server->Stop(), 0) << server->Output();
    }

    void Scan(milliseconds grace) {
        std::vector<Measurement> measurements;
        const text::WallTime began = loop_.RunUntilDone(store_->Now());
        for (std::size_t i = 0; i < kMailboxes; ++i) {
            const std::int64_t stored = truth_.mailboxes[i].delivered;
            measurements.push_back({MailboxName(i), static_cast<std::uint64_t>(stored >> 20),
                                    static_cast<std::uint64_t>(stored & 0xfffff), began});
        }
        loop_.RunUntilDone(store_->Commit(measurements, grace));
    }

    Usage UsageOf(std::size_t mailbox) {
        return loop_.RunUntilDone(store_->Find(MailboxName(mailbox))).value_or(Usage());
    }

    void DeleteMailOf(std::size_t mailbox) {
        const std::int64_t stored = truth_.mailboxes[mailbox].delivered.exchange(0);
        truth_.mailboxes[mailbox].accepted -= stored >> 20;
        truth_.domains[mailbox % kDomains] -= stored >> 20;
    }

    const std::uint64_t messages_ = FromEnvironment("POLICYD_STRESS_MESSAGES", 40);
    test::RedisServer redis_;
    test::ScratchDirectory directory_;
    async::EventLoop loop_;
    std::unique_ptr<UsageStore> store_;
    std::vector<std::unique_ptr<SmallSite>> sites_;
    std::vector<std::unique_ptr<PolicydProcess>> servers_;
    Truth truth_;
};

TEST_F(QuotaServersTest, NoMailboxExceedsItsLimitAndTheBooksBalance) {
    StartServers("DEFER 4.3.0 Try again");
    std::mt19937_64 random(1);
    Offer(messages_, [&] {
        DeleteMailOf(random() % kMailboxes);
        try {
            Scan(kGrace);
        } catch (const outage::UsageStoreUnavailable&) {
            // The store was just killed.
        }
    });
    EXPECT_EQ(truth_.overshoots, 0);
    EXPECT_GT(truth_.refused, 0);
    EXPECT_GT(truth_.deferred, 0);
    StopServers();

    const text::WallTime last = loop_.RunUntilDone(store_->Now());
    while (loop_.RunUntilDone(store_->Now()) <= last) {
    }
    Scan(milliseconds(0));
    for (std::size_t i = 0; i < kMailboxes; ++i) {
        const Usage usage = UsageOf(i);
        EXPECT_EQ(usage.bytes, static_cast<std::uint64_t>(truth_.mailboxes[i].accepted)) << i;
        EXPECT_EQ(usage.reserved_bytes, 0u) << i;
    }
}

TEST_F(QuotaServersTest, WhatIsLetInDuringAnOutageIsChargedToTheByteAfterIt) {
    StartServers("DUNNO");
    Offer(messages_ / 2, [&] {
        try {
            loop_.RunUntilDone(store_->Now());
        } catch (const outage::UsageStoreUnavailable&) {
            // It finds Redis again.
        }
    });
    EXPECT_GT(truth_.perhaps_full, 0) << "nothing is measured";
    EXPECT_EQ(truth_.deferred, 0);
    StopServers();

    for (std::size_t i = 0; i < kMailboxes; ++i) {
        const Usage usage = UsageOf(i);
        EXPECT_EQ(usage.reserved_bytes, static_cast<std::uint64_t>(truth_.mailboxes[i].charged))
            << MailboxName(i);
    }
}

}  // namespace
}  // namespace policyd::usage
