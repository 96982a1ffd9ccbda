#include "policyd/server/http_endpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <list>

#include "common/async/timer.hpp"
#include "common/async/wake_up.hpp"
#include "common/files/descriptor.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::server {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string MethodAndPath(std::string_view head) {
    const auto request = ParseHttpRequest(head);
    return request ? std::string(request->method) + ' ' + std::string(request->path) : "none";
}

TEST(HttpRequestTest, TheFirstLineNamesMethodAndPath) {
    EXPECT_EQ(MethodAndPath("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "GET /metrics");
    EXPECT_EQ(MethodAndPath("POST /reload HTTP/1.0\n\n"), "POST /reload");
}

TEST(HttpRequestTest, TheQueryIsNoPartOfThePath) {
    EXPECT_EQ(MethodAndPath("GET /metrics?name=x HTTP/1.1\r\n\r\n"), "GET /metrics");
}

TEST(HttpRequestTest, WhatIsNotHttpIsNoRequest) {
    for (const char* head :
         {"", "\r\n\r\n", "GET\r\n\r\n", "GET /metrics\r\n\r\n", "GET  HTTP/1.1\r\n\r\n",
          " /metrics HTTP/1.1\r\n\r\n", "GET metrics HTTP/1.1\r\n\r\n",
          "GET /metrics HTTP/2\r\n\r\n", "request=smtpd_access_policy\n\n"})
        EXPECT_EQ(MethodAndPath(head), "none") << head;
}

class HttpEndpointTest : public testing::Test {
protected:
    static constexpr std::size_t kMuch = 4 << 20;  // more than a socket holds
    static constexpr const char* kRequest = "GET /it HTTP/1.1\r\n\r\n";

    class Client {
    public:
        explicit Client(const async::Endpoint& endpoint) {
            sockaddr_storage address{};
            const socklen_t length = async::NumericAddress(endpoint, address);
            EXPECT_EQ(connect(socket_.Get(), reinterpret_cast<sockaddr*>(&address), length), 0);
        }
        void Send(std::string_view bytes) {
            EXPECT_EQ(write(socket_.Get(), bytes.data(), bytes.size()),
                      static_cast<ssize_t>(bytes.size()));
        }
        void SendNoMore() { shutdown(socket_.Get(), SHUT_WR); }
        /// Takes what has come.
        void Receive() {
            char bytes[65536];
            ssize_t size = 0;
            while ((size = read(socket_.Get(), bytes, sizeof bytes)) > 0)
                received_.append(bytes, static_cast<std::size_t>(size));
            is_closed_ |= size == 0 || errno != EAGAIN;
        }
        bool IsClosed() {
            Receive();
            return is_closed_;
        }
        const std::string& Received() const { return received_; }

    private:
        files::Descriptor socket_{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        std::string received_;
        bool is_closed_ = false;
    };

    ~HttpEndpointTest() override {
        server_.reset();
        loop_.Drain();
    }

    void Start(milliseconds time_limit = std::chrono::minutes(1)) {
        std::vector<HttpEndpoint::Route> routes{
            {"GET", "/it",
             [] {
                 return AtOnce({200, "it\n"});
             }},
            {"POST", "/other",
             [] {
                 return AtOnce({200, "other\n"});
             }},
            {"GET", "/much",
             [] {
                 return AtOnce({200, std::string(kMuch, 'x')});
             }},
            {"GET", "/late", [this] { return Late("late\n"); }},
            {"GET", "/much-late", [this] { return Late(std::string(kMuch, 'x')); }}};
        server_.emplace(loop_,
                        async::ListeningSocket(endpoint_, async::ListeningSocket::UnixAccess()),
                        std::move(routes), time_limit);
    }
    async::Task<HttpReply> Late(std::string body) {
        ++asked_late_;
        co_await late_.Wait();
        co_return HttpReply{200, std::move(body)};
    }

    void RunFor(milliseconds time) {
        bool is_over = false;
        async::Timer timer(loop_.Raw(), [&is_over] { is_over = true; });
        timer.Start(time);
        while (!is_over) loop_.RunOnce();
    }
    /// All that comes until the server closes.
    std::string AllFor(Client& client) {
        for (int i = 0; i < 10'000 && !client.IsClosed(); ++i) RunFor(milliseconds(1));
        EXPECT_TRUE(client.IsClosed());
        return client.Received();
    }
    std::string Ask(std::string_view bytes) {
        Client client(endpoint_);
        client.Send(bytes);
        return AllFor(client);
    }
    Client& Connected() { return clients_.emplace_back(endpoint_); }
    /// So many more who ask for something.
    void Connect(std::size_t count, std::string_view request) {
        for (; count > 0; --count) {
            Connected().Send(request);
            for (int turns = 0; turns < 5; ++turns) RunFor(milliseconds(0));  // accept and read
        }
    }

    const test::ScratchDirectory scratch_;
    const async::Endpoint endpoint_ = async::ParseEndpoint("unix:" + (scratch_ / "http").string());
    async::EventLoop loop_;
    std::optional<HttpEndpoint> server_;
    async::WakeUp late_;
    std::size_t asked_late_ = 0;
    std::list<Client> clients_;
};

TEST_F(HttpEndpointTest, ARouteIsItsMethodAndItsWholePath) {
    Start();
    EXPECT_THAT(Ask(kRequest), AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), EndsWith("\r\n\r\nit\n")));
    EXPECT_THAT(Ask("GET /it HTTP/1.0\n\n"), EndsWith("\r\n\r\nit\n"));
    EXPECT_THAT(Ask("POST /other HTTP/1.1\r\n\r\n"), EndsWith("\r\n\r\nother\n"));
    EXPECT_THAT(Ask("GET /items HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(Ask("POST /it HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(Ask("HEAD /other HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
    EXPECT_THAT(Ask("it\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpEndpointTest, AHeadIsThatOfTheAnswerToAGet) {
    Start();
    EXPECT_THAT(
        Ask("HEAD /it HTTP/1.1\r\n\r\n"),
        AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("Content-Length: 3"), EndsWith("\r\n\r\n")));
    EXPECT_THAT(Ask("HEAD /nothing HTTP/1.1\r\n\r\n"),
                AllOf(StartsWith("HTTP/1.1 404 "), EndsWith("\r\n\r\n")));
}

TEST_F(HttpEndpointTest, WhoStopsWithinARequestGetsNoAnswer) {
    Start();
    Client client(endpoint_);
    client.Send("GET /it HTTP/1.1\r\n");
    client.SendNoMore();
    EXPECT_EQ(AllFor(client), "");
}

TEST_F(HttpEndpointTest, OfARequestThatDoesNotEndTheBeginningIsAnswered) {
    Start();
    EXPECT_THAT(Ask("GET /it HTTP/1.1\r\nX: " + std::string(8 * 1024, 'x')), EndsWith("it\n"));
}

TEST_F(HttpEndpointTest, WhereTooManyAreConnectedTheOldestEndsThatWaitsForNoAnswer) {
    Start();
    Connect(1, "GET /late HTTP/1.1\r\n\r\n");
    Connect(1, "GET /much HTTP/1.1\r\n\r\n");
    Connect(HttpEndpoint::kMostExchanges - 2, "GET");
    auto client = clients_.begin();
    Client& late = *client++;
    Client& greedy = *client++;
    Client& idle = *client++;
    Client& last = clients_.back();
    Connect(1, "GET");
    EXPECT_LT(AllFor(greedy).size(), kMuch) << "it had not taken its answer";
    EXPECT_FALSE(idle.IsClosed());
    Connect(1, "GET");
    EXPECT_TRUE(idle.IsClosed());
    last.Send(" /it HTTP/1.1\r\n\r\n");
    EXPECT_THAT(AllFor(last), EndsWith("it\n"));
    late_.Set();
    EXPECT_THAT(AllFor(late), EndsWith("late\n"));
}

TEST_F(HttpEndpointTest, WhereAllWaitForTheirAnswerNobodyElseIsServed) {
    Start();
    Connect(HttpEndpoint::kMostExchanges, "GET /late HTTP/1.1\r\n\r\n");
    EXPECT_EQ(Ask(kRequest), "");
    EXPECT_EQ(asked_late_, HttpEndpoint::kMostExchanges);
    late_.Set();
    for (Client& client : clients_) EXPECT_THAT(AllFor(client), EndsWith("late\n"));
}

TEST_F(HttpEndpointTest, WhoHasGoneTakesNobodysPlace) {
    Start();
    Client& idle = Connected();
    for (std::size_t i = 0; i < HttpEndpoint::kMostExchanges; ++i) Ask(kRequest);
    EXPECT_FALSE(idle.IsClosed());
}

TEST_F(HttpEndpointTest, TheTimeIsForTheRequestAndThenForTakingTheAnswer) {
    constexpr milliseconds kLimit{1'000};
    Start(kLimit);
    Client& idle = Connected();
    Client& late = Connected();
    late.Send("GET /much-late HTTP/1.1\r\n\r\n");
    RunFor(kLimit / 2);
    EXPECT_FALSE(idle.IsClosed());
    RunFor(kLimit);
    EXPECT_TRUE(idle.IsClosed());
    Client& greedy = Connected();
    greedy.Send("GET /much HTTP/1.1\r\n\r\n");
    late_.Set();
    RunFor(kLimit / 3);
    EXPECT_GT(AllFor(late).size(), kMuch) << "that it was late is not its client's fault";
    RunFor(kLimit);
    EXPECT_LT(AllFor(greedy).size(), kMuch);
}

TEST_F(HttpEndpointTest, ItsEndEndsWhatIsOpen) {
    Start();
    Connect(1, "GET");
    server_.reset();
    loop_.Drain();
    EXPECT_TRUE(clients_.front().IsClosed());
}

}  // namespace
}  // namespace policyd::server
