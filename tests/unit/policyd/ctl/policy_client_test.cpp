#include "policyd/ctl/policy_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "tests/support/process.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::ctl {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

/// Takes one connection on a UNIX socket, reads to the empty line, and answers with `reply`.
class OneAnswer {
public:
    OneAnswer(const std::filesystem::path& path, std::string reply)
        : listener_(socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.string().copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(listen(listener_, 1), 0);
        thread_ = std::thread([this, answer = std::move(reply)] { Serve(answer); });
    }
    ~OneAnswer() {
        thread_.join();
        close(listener_);
    }

    std::string Received() {
        if (thread_.joinable()) thread_.join();
        thread_ = std::thread([] {});
        return received_;
    }

private:
    void Serve(const std::string& reply) {
        const int connection = accept(listener_, nullptr, nullptr);
        char buffer[4096];
        while (received_.find("\n\n") == std::string::npos) {
            const ssize_t size = read(connection, buffer, sizeof buffer);
            if (size <= 0) break;
            received_.append(buffer, static_cast<std::size_t>(size));
        }
        EXPECT_EQ(write(connection, reply.data(), reply.size()),
                  static_cast<ssize_t>(reply.size()));
        close(connection);
    }

    int listener_;
    std::string received_;
    std::thread thread_;
};

class PolicyClientTest : public testing::Test {
protected:
    std::string Ask() { return AskServer(async::ParseEndpoint("unix:" + path_), "a=b\n\n", 10s); }

    test::ScratchDirectory scratch_;
    const std::string path_ = scratch_ / "policy.sock";
};

TEST_F(PolicyClientTest, SendsTheRequestAndReturnsTheAction) {
    OneAnswer server(path_, "action=550 5.1.1 a=b\n\n");
    EXPECT_EQ(Ask(), "550 5.1.1 a=b");
    EXPECT_EQ(server.Received(), "a=b\n\n");
}

TEST_F(PolicyClientTest, RefusesAnswersThatAreNotOneActionLine) {
    {
        OneAnswer server(path_, "action=DUNNO\naction=OK\n\n");
        EXPECT_THROW(Ask(), NoAnswer);
    }
    std::filesystem::remove(path_);
    OneAnswer server(path_, "hello\n\n");
    EXPECT_THROW(Ask(), NoAnswer);
}

TEST_F(PolicyClientTest, SaysThatTheServerHungUp) {
    OneAnswer server(path_, "action=DUNNO\n");
    try {
        Ask();
        ADD_FAILURE() << "took half an answer";
    } catch (const NoAnswer& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("closed the connection"));
    }
}

TEST_F(PolicyClientTest, SaysThatNobodyListens) {
    EXPECT_THROW(Ask(), NoAnswer);
    const auto nobody = async::ParseEndpoint("inet:127.0.0.1:" + std::to_string(test::FreePort()));
    EXPECT_THROW(AskServer(nobody, "a=b\n\n", 10s), NoAnswer);
}

}  // namespace
}  // namespace policyd::ctl
