// Clients that break the rules of the protocol, or keep them to the letter and are a nuisance all
// the same: whatever they do, the others are answered, and memory and descriptors stay bounded.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <list>
#include <random>
#include <thread>
#include <vector>

#include "tests/integration/small_site.hpp"

namespace policyd::test {
namespace {

using testing::StartsWith;

constexpr std::size_t kMegabyte = 1024 * 1024;

/// AddressSanitizer keeps freed memory for a while; where memory is measured, not much of it.
const PolicydOptions kWithoutQuarantine{
    {}, {"ASAN_OPTIONS=quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}};

class HostileClientsTest : public testing::Test {
protected:
    HostileClientsTest()
        : site_({{"receive_time_limit", "\"300ms\""}, {"send_time_limit", "\"300ms\""}}),
          policyd_(site_.Config(), site_.Socket(), kWithoutQuarantine) {}

    PolicyClient Connect() const { return PolicyClient(site_.Socket()); }

    /// What every test ends with: an honest client is served.
    void ExpectService() {
        EXPECT_EQ(Connect().AskRcpt("joe@example.com"), "DUNNO");
        EXPECT_THAT(Connect().AskRcpt("jim@example.com"), StartsWith("550 5.1.1 "));
    }

    /// Sends `bytes` and expects to be hung up on, without an answer.
    void ExpectRefused(const std::string& bytes) {
        PolicyClient client = Connect();
        client.TrySend(bytes);
        client.ExpectClosed();
    }

    SmallSite site_;
    PolicydProcess policyd_;
};

TEST_F(HostileClientsTest, AByteAtATimeIsARequestWhenItsEndComesInTime) {
    PolicyClient client = Connect();
    for (const char byte : RequestText({{"recipient", "jim@example.com"}})) client.Send({&byte, 1});
    EXPECT_THAT(client.Receive().value_or("closed"), StartsWith("550 "));
}

TEST_F(HostileClientsTest, ARequestThatDoesNotEndIsGivenUpWhileOthersAreServed) {
    PolicyClient client = Connect();
    PolicyClient honest = Connect();
    const std::string endless = "request=smtpd_access_policy\nrecipient=";
    std::size_t sent = 0;
    while (client.TrySend(std::string_view(endless).substr(sent % endless.size(), 1))) {
        ++sent;
        ASSERT_EQ(honest.AskRcpt("joe@example.com"), "DUNNO");
    }
    EXPECT_EQ(site_.Metric("policyd_clients_out_of_time_total{phase=\"receiving\"}"), 1);
    ExpectService();
}

TEST_F(HostileClientsTest, WhatIsNoRequestGetsNoAnswer) {
    const std::string head = "request=smtpd_access_policy\n";
    std::string attributes = head;
    for (int i = 0; i < 300; ++i) attributes += "a" + std::to_string(i) + "=b\n";
    const std::string value(64 * 1024, 'x');
    ExpectRefused(value + value);                           // no line end
    ExpectRefused(attributes + "\n");                       // too many attributes
    ExpectRefused(head + "sender=" + value + "\n\n");       // a value of 64 KiB
    ExpectRefused(head + value.substr(0, 200) + "=x\n\n");  // a name of 200 bytes
    ExpectRefused(head + std::string("sender=\0x\n\n", 11));
    ExpectRefused("request=junk_mail_policy\n\n");
    ExpectRefused("sender=x\n\n");
    ExpectRefused(head + "no equals sign\n\n");
    ExpectRefused("\n");
    ExpectRefused("GET / HTTP/1.1\r\nHost: x\r\n\r\n\n\n");
    EXPECT_EQ(site_.Metric("policyd_requests_malformed_total"), 10);
    ExpectService();
}

TEST_F(HostileClientsTest, NoiseIsSurvived) {
    std::minstd_rand random(1);
    for (int i = 0; i < 200; ++i) {
        std::string noise(random() % 3000, ' ');
        for (char& byte : noise) byte = static_cast<char>(random() % 7 == 0 ? '\n' : random());
        PolicyClient client = Connect();
        client.TrySend(noise);
    }
    ExpectService();
}

TEST_F(HostileClientsTest, MonitoringIsAnsweredWhileManyConnectionsToItAreIdle) {
    std::list<PolicyClient> idle;
    for (int i = 0; i < 300; ++i) idle.emplace_back(site_.MetricsPort());
    EXPECT_EQ(HttpGet(site_.MetricsPort(), "/health").body, "ready\n");
}

TEST_F(HostileClientsTest, AMeaninglessValueIsAnsweredLikeAnyOther) {
    PolicyClient client = Connect();
    for (const char* recipient : {"", "@", "\xff\xfe@example.com", "a@b@example.com", "\x01\x02",
                                  "'; drop table users; --@example.com", "%s%n@example.com"}) {
        const std::string action = client.AskRcpt(recipient);
        EXPECT_THAT(action, testing::Not(StartsWith("OK"))) << recipient;
        EXPECT_FALSE(action.empty());
    }
    ExpectService();
}

TEST_F(HostileClientsTest, WhoReadsNoAnswersIsNotReadFromEitherAndThenDropped) {
    const std::size_t before = policyd_.Memory();
    std::vector<PolicyClient> clients;
    for (int i = 0; i < 5; ++i) clients.push_back(Connect());
    const std::string request = RequestText({{"recipient", "joe@example.com"}});
    std::string many;
    for (int i = 0; i < 1000; ++i) many += request;
    for (PolicyClient& client : clients) {
        // Until the server no longer takes it, and then hangs up.
        WaitUntil("the server to hang up", [&] {
            for (;;) {
                const ssize_t sent = send(client.Descriptor(), many.data(), many.size(),
                                          MSG_NOSIGNAL | MSG_DONTWAIT);
                if (sent < 0) return errno != EAGAIN;
            }
        });
    }
    EXPECT_LT(policyd_.Memory(), before + 100 * kMegabyte);
    EXPECT_EQ(site_.Metric("policyd_clients_out_of_time_total{phase=\"sending\"}"), 5);
    ExpectService();
}

TEST_F(HostileClientsTest, RequestsThatComeAtOnceAreAnsweredInTheirOrder) {
    PolicyClient client = Connect();
    std::string requests;
    for (int i = 0; i < 50; ++i)
        requests +=
            RequestText({{"recipient", i % 2 == 0 ? "joe@example.com" : "jim@example.com"}});
    client.Send(requests);
    for (int i = 0; i < 50; ++i)
        EXPECT_THAT(client.Receive().value_or("closed"), StartsWith(i % 2 == 0 ? "DUNNO" : "550"));
}

TEST_F(HostileClientsTest, ManyHalfRequestsAtOnceTakeLittleMemory) {
    const std::size_t before = policyd_.Memory();
    std::vector<PolicyClient> clients;
    const std::string half =
        "request=smtpd_access_policy\nsender=" + std::string(7000, 'x') + "\nrecipient=";
    for (int i = 0; i < 500; ++i) {
        clients.push_back(Connect());
        clients.back().TrySend(half);
    }
    for (PolicyClient& client : clients) client.ExpectClosed();
    EXPECT_LT(policyd_.Memory(), before + 100 * kMegabyte);
    ExpectService();
}

TEST_F(HostileClientsTest, ConnectionsThatComeAndGoLeaveNothingBehind) {
    ExpectService();
    const auto connections = [&] { return site_.Metric("policyd_connections"); };
    WaitUntil("the first clients to be gone", [&] { return connections() == 0; });
    const std::size_t descriptors = policyd_.Descriptors();
    const std::size_t memory = policyd_.Memory();
    for (int i = 0; i < 3000; ++i) {
        PolicyClient client = Connect();
        if (i % 3 == 1) client.TrySend("request=smtpd_acc");
        if (i % 3 == 2) client.TrySend(RequestText({{"recipient", "joe@example.com"}}));
    }
    WaitUntil("all clients to be gone", [&] { return connections() == 0; });
    EXPECT_LE(policyd_.Descriptors(), descriptors + 1);
    EXPECT_LT(policyd_.Memory(), memory + 50 * kMegabyte);
    ExpectService();
}

TEST_F(HostileClientsTest, HttpRequestsThatAreNoneGetAnErrorOrNothing) {
    const int port = site_.MetricsPort();
    EXPECT_THAT(RawExchange(port, "junk\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(RawExchange(port, "GET /nothing HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(RawExchange(port, "POST /reload HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "))
        << "only the control socket takes commands";
    EXPECT_THAT(RawExchange(port, "POST /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
    const std::string head = RawExchange(port, "HEAD /health HTTP/1.0\r\n\r\n");
    EXPECT_THAT(head, StartsWith("HTTP/1.1 200 "));
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

/// As many descriptors as `wanted` for this process and its children, or as there are to be had.
std::size_t RaiseDescriptorLimit(std::size_t wanted) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    rlimit raised{wanted, std::max<rlim_t>(limit.rlim_max, wanted)};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_max;
}

TEST(ConnectionLimitTest, TwentyThousandConnectionsAreServed) {
    constexpr std::size_t kMargin = 1'000;
    constexpr std::size_t kConnections = 20'000;
    const std::size_t count = RaiseDescriptorLimit(kConnections + kMargin) - kMargin;

    const SmallSite site(SmallSite::Options{{"max_connections", "30000"}});
    PolicydProcess policyd(site.Config(), site.Socket(), kWithoutQuarantine);
    std::vector<PolicyClient> clients;
    for (std::size_t i = 0; i < count; ++i) clients.emplace_back(site.Socket());
    const std::string request = RequestText({{"recipient", "joe@example.com"}});
    for (PolicyClient& client : clients) client.Send(request);
    for (PolicyClient& client : clients) ASSERT_EQ(client.Receive(), "DUNNO");
    EXPECT_EQ(site.Metric("policyd_connections"), static_cast<double>(count));
    EXPECT_LT(policyd.Memory() / count, 64 * 1024u);
}

TEST(ConnectionLimitTest, WhoeverSentMuchAtOnceCostsLittleAfterwards) {
    constexpr std::size_t kConnections = 50;
    constexpr int kRequests = 300;
    std::string many;
    for (int i = 0; i < kRequests; ++i) many += RequestText({{"recipient", "jim@example.com"}});
    const std::string value(8'000, 'x');
    many += RequestText({{"recipient", "joe@example.com"},
                         {"helo_name", value},
                         {"sender", value},
                         {"queue_id", value},
                         {"etrn_domain", value}});

    const SmallSite site;
    PolicydProcess policyd(site.Config(), site.Socket(), kWithoutQuarantine);
    std::list<PolicyClient> clients;
    const auto send_much = [&] {
        clients.emplace_back(site.Socket());
        clients.back().Send(many);
        for (int answer = 0; answer < kRequests; ++answer)
            ASSERT_THAT(clients.back().Receive().value_or("closed"), StartsWith("550 "));
        ASSERT_EQ(clients.back().Receive(), "DUNNO");
    };
    for (int i = 0; i < 10; ++i) send_much();  // what the process needs once
    const std::size_t before = policyd.Memory();
    for (std::size_t i = 0; i < kConnections; ++i) send_much();
    EXPECT_LT((policyd.Memory() - before) / kConnections, 64 * 1024u);
}

TEST(ConnectionLimitTest, WhoComesWhenDescriptorsRunOutWaitsUntilOthersHaveGone) {
    const SmallSite site;
    PolicydOptions options;
    options.wrapper = {"prlimit", "--nofile=300:300"};
    PolicydProcess policyd(site.Config(), site.Socket(), options);
    policyd.WaitForOutput("too few descriptors");
    std::list<PolicyClient> clients;
    for (int i = 0; i < 300; ++i) clients.emplace_back(site.Socket());
    WaitUntil("accepting to pause", [&] { return site.Metric("policyd_accept_pauses_total") > 0; });
    const auto served = static_cast<int>(site.Metric("policyd_connections"));
    ASSERT_GT(served, 10);
    ASSERT_LT(served, 200);

    // The connections that were there first are served all the while.
    auto first_waiting = std::next(clients.begin(), served);
    for (auto client = clients.begin(); client != first_waiting; ++client)
        ASSERT_EQ(client->AskRcpt("joe@example.com"), "DUNNO");
    // The others have their turn when those before them have gone.
    for (auto client = first_waiting; client != clients.end(); ++client)
        client->Send(RequestText({{"recipient", "joe@example.com"}}));
    clients.erase(clients.begin(), first_waiting);
    while (!clients.empty()) {
        ASSERT_EQ(clients.front().Receive(), "DUNNO");
        clients.pop_front();
    }
    EXPECT_EQ(PolicyClient(site.Socket()).AskRcpt("joe@example.com"), "DUNNO");
}

}  // namespace
}  // namespace policyd::test
