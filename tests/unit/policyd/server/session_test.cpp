#include "policyd/server/session.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "policyd/services/services.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::server {
namespace {

class SessionTest : public testing::Test {
protected:
    SessionTest() {
        settings_.checks = {"client_access"};
        settings_.usage_store = "sqlite:" + (scratch_ / "usage.sqlite").string();
        services_ = std::make_shared<services::Services>(loop_, settings_, shared_);
    }

    /// What a Postfix has in its hand of a connection that is served to its end.
    int Connect() {
        std::array<int, 2> ends{};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) != 0)
            throw std::runtime_error("socketpair");
        auto handle = std::make_unique<uv_any_handle>();
        async::ThrowIfFailed(uv_pipe_init(loop_.Raw(), &handle->pipe, 0), "uv_pipe_init");
        async::UvHandle<uv_any_handle> socket(handle.release());
        async::ThrowIfFailed(uv_pipe_open(&socket->pipe, ends[1]), "uv_pipe_open");
        sessions_.push_back(std::make_unique<Session>(std::move(socket), "test", limits_, clock_,
                                                      current_services_, metrics_));
        async::Spawn(sessions_.back()->Serve(),
                     [](std::exception_ptr failure) { std::rethrow_exception(failure); });
        return ends[0];
    }

    static void Ask(int fd, int times) {
        std::string bytes;
        for (int i = 0; i < times; ++i)
            bytes +=
                "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\n"
                "sender=a@example.com\nrecipient=b@example.com\n\n";
        ASSERT_EQ(send(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    }

    /// How many answers have come since it was last called.
    static int Answers(int fd) {
        int answers = 0;
        std::array<char, 65536> bytes{};
        const ssize_t size = recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        for (std::string_view left(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);;) {
            const std::size_t end = left.find("\n\n");
            if (end == std::string_view::npos) return answers;
            left.remove_prefix(end + 2);
            ++answers;
        }
    }

    test::ScratchDirectory scratch_;
    async::EventLoop loop_;
    config::Settings settings_;
    services::SharedState shared_;
    std::shared_ptr<services::Services> services_;
    SessionLimits limits_;
    SessionMetrics metrics_;
    Session::Clock clock_ = [this] { return loop_.Now(); };
    Session::CurrentServices current_services_ =
        [this]() -> const std::shared_ptr<services::Services>& { return services_; };
    std::vector<std::unique_ptr<Session>> sessions_;
};

TEST_F(SessionTest, WhoSendsManyRequestsAtOnceHoldsUpNobodyElse) {
    constexpr int kMany = 200;
    const int greedy = Connect();
    const int modest = Connect();
    Ask(greedy, kMany);
    Ask(modest, 1);
    while (Answers(modest) == 0) loop_.RunOnce();
    int answers = Answers(greedy);
    EXPECT_LT(answers, kMany / 2);
    while (answers < kMany) {
        loop_.RunOnce();
        answers += Answers(greedy);
    }
    EXPECT_EQ(answers, kMany);
    close(greedy);
    close(modest);
    loop_.Drain();
}

}  // namespace
}  // namespace policyd::server
