#include "common/async/listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <future>
#include <list>
#include <stdexcept>
#include <thread>

#include "common/async/event_loop.hpp"
#include "common/async/stream.hpp"
#include "common/async/timer.hpp"
#include "common/files/descriptor.hpp"
#include "tests/support/few_descriptors.hpp"
#include "tests/support/scratch_directory.hpp"

namespace policyd::async {
namespace {

TEST(ListeningSocketTest, OfSeveralStartsAtOnceOneGetsTheSocketAndItIsThere) {
    const test::ScratchDirectory scratch;
    const Endpoint endpoint = ParseEndpoint("unix:" + (scratch / "socket").string());
    const auto listen = [&endpoint]() -> std::unique_ptr<ListeningSocket> {
        try {
            return std::make_unique<ListeningSocket>(endpoint, ListeningSocket::UnixAccess());
        } catch (const std::runtime_error&) {
            return nullptr;
        }
    };
    for (int round = 0; round < 500; ++round) {
        std::vector<std::future<std::unique_ptr<ListeningSocket>>> starts;
        for (int i = 0; i < 4; ++i) starts.push_back(std::async(std::launch::async, listen));
        std::vector<std::unique_ptr<ListeningSocket>> sockets;
        for (auto& start : starts)
            if (auto socket = start.get()) sockets.push_back(std::move(socket));
        ASSERT_EQ(sockets.size(), 1u) << round;
        ASSERT_TRUE(std::filesystem::exists(scratch / "socket"));
    }
}

/// Why there can be no socket at the path; nothing where it could be made.
std::string WhyNot(const std::string& path) {
    try {
        const ListeningSocket socket(ParseEndpoint("unix:" + path), ListeningSocket::UnixAccess());
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

TEST(ListeningSocketTest, ReplacesNoSocketThatIsAliveThoughNobodyCanConnectToIt) {
    const test::ScratchDirectory scratch;
    const std::string path = scratch / "socket";
    const Endpoint endpoint = ParseEndpoint("unix:" + path);
    sockaddr_storage address{};
    const socklen_t length = NumericAddress(endpoint, address);
    const files::Descriptor datagrams(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(datagrams.Get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_THAT(WhyNot(path), testing::EndsWith("cannot be told: Protocol wrong type for socket"));
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(ListeningSocketTest, ReplacesNoSocketWhereThereIsNoDescriptorToSeeWhetherItIsAlive) {
    const test::ScratchDirectory scratch;
    const std::string path = scratch / "socket";
    const ListeningSocket alive(ParseEndpoint("unix:" + path), ListeningSocket::UnixAccess());
    std::string why_not;
    {
        const test::FewDescriptors few(1);
        why_not = WhyNot(path);
    }
    EXPECT_THAT(why_not, testing::EndsWith("cannot be told: Too many open files"));
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(ListeningSocketTest, ReplacesNoSocketOfAnotherUserThatItMayNotConnectTo) {
    const test::ScratchDirectory scratch;
    const std::string path = scratch / "socket";
    const ListeningSocket alive(ParseEndpoint("unix:" + path), {.mode = 0600});
    ASSERT_EQ(chmod(scratch.Path().c_str(), 0777), 0);
    if (geteuid() != 0) GTEST_SKIP() << "only root may become another user";
    const auto as_another = [&path] {
        constexpr uid_t kNobody = 65534;
        if (setresuid(kNobody, kNobody, kNobody) != 0) _exit(1);
        std::fputs(WhyNot(path).c_str(), stderr);
        _exit(0);
    };
    EXPECT_EXIT(as_another(), testing::ExitedWithCode(0), "cannot be told: Permission denied$");
    EXPECT_TRUE(std::filesystem::exists(path));
}

/// Sockets are made at a path of which somebody who may write in its directory makes something else
/// as soon as they are there.
class SocketInTheDirectoryOfAnotherTest : public testing::Test {
protected:
    /// `swap` puts something in the place of the path.
    void MakeSocketsWhile(const std::function<void(const char* path)>& swap) {
        std::atomic<bool> is_over = false;
        std::thread swapper([&] {
            struct stat there {};
            while (!is_over)
                if (lstat(path_.c_str(), &there) == 0 && S_ISSOCK(there.st_mode))
                    swap(path_.c_str());
        });
        for (int round = 0; round < 2'000; ++round) {
            unlink(path_.c_str());
            try {
                const ListeningSocket socket(ParseEndpoint("unix:" + path_), {.mode = 0666});
            } catch (const std::runtime_error&) {
            }
        }
        is_over = true;
        swapper.join();
    }
    static unsigned ModeOf(const std::string& path) {
        struct stat status {};
        EXPECT_EQ(lstat(path.c_str(), &status), 0);
        return status.st_mode & 0777;
    }

    const test::ScratchDirectory scratch_;
    const std::string path_ = scratch_ / "socket";
    const std::string other_ = scratch_ / "other";
    const std::string prepared_ = scratch_ / "prepared";
};

TEST_F(SocketInTheDirectoryOfAnotherTest, NoLinkGivesItsAccessToAFile) {
    scratch_.Write("other", "");
    ASSERT_EQ(chmod(other_.c_str(), 0600), 0);
    MakeSocketsWhile([&](const char* path) {
        if (symlink(other_.c_str(), prepared_.c_str()) == 0) rename(prepared_.c_str(), path);
    });
    EXPECT_EQ(ModeOf(other_), 0600u);
}

TEST_F(SocketInTheDirectoryOfAnotherTest, NoSecondNameGivesItsAccessToAnotherSocket) {
    const ListeningSocket other(ParseEndpoint("unix:" + other_), {.mode = 0600});
    MakeSocketsWhile([&](const char* path) {
        if (link(other_.c_str(), prepared_.c_str()) == 0) rename(prepared_.c_str(), path);
    });
    EXPECT_EQ(ModeOf(other_), 0600u);
}

/// Whose descriptor is there before it connects.
class Client {
public:
    void Connect(const Endpoint& endpoint) {
        sockaddr_storage address{};
        const socklen_t length = NumericAddress(endpoint, address);
        ASSERT_EQ(connect(socket_.Get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    }
    void Send(std::string_view bytes) {
        ASSERT_EQ(write(socket_.Get(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
    }
    /// What has come by now; "closed" where nothing will.
    std::string Received() {
        char bytes[100];
        const ssize_t size = read(socket_.Get(), bytes, sizeof bytes);
        if (size > 0) return std::string(bytes, static_cast<std::size_t>(size));
        return size < 0 && errno == EAGAIN ? "" : "closed";
    }

private:
    files::Descriptor socket_{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
};

/// Who connects gets back what he sends.
class ListenerTest : public testing::Test {
protected:
    void Start(Listener::MayAccept may_accept = [] { return true; }) {
        listener_ = std::make_unique<Listener>(
            loop_.Raw(), socket_, [this](auto connection) { Spawn(Echo(std::move(connection))); },
            [this](const std::string& why) { failures_.push_back(why); }, std::move(may_accept));
    }
    ~ListenerTest() override {
        listener_.reset();
        while (!streams_.empty()) streams_.front()->Abort();
        loop_.Drain();
    }

    Task<> Echo(UvHandle<uv_any_handle> connection) {
        ++accepted_;
        Stream stream(std::move(connection), 100);
        const auto place = streams_.insert(streams_.end(), &stream);
        for (bool more = co_await stream.Read(); more; more = co_await stream.Read()) {
            const std::string received = std::exchange(stream.Received(), "");
            co_await stream.Write(received);
        }
        streams_.erase(place);
    }

    void RunFor(std::chrono::milliseconds time) {
        bool is_over = false;
        Timer timer(loop_.Raw(), [&is_over] { is_over = true; });
        timer.Start(time);
        while (!is_over) loop_.RunOnce();
    }
    void RunUntilAccepted(int count) {
        for (int i = 0; accepted_ < count && i < 2'000; ++i) RunFor(std::chrono::milliseconds(5));
        ASSERT_EQ(accepted_, count);
    }

    const test::ScratchDirectory scratch_;
    const Endpoint endpoint_ = ParseEndpoint("unix:" + (scratch_ / "socket").string());
    const ListeningSocket socket_{endpoint_, ListeningSocket::UnixAccess()};
    EventLoop loop_;
    std::unique_ptr<Listener> listener_;
    std::vector<std::string> failures_;
    std::list<Stream*> streams_;
    int accepted_ = 0;
};

TEST_F(ListenerTest, WithoutADescriptorLeftServesWhoIsThereAndAcceptsOthersOnceThereAreSome) {
    Start();
    Client open;
    Client late;
    open.Connect(endpoint_);
    RunUntilAccepted(1);
    {
        const test::FewDescriptors few(0);
        late.Connect(endpoint_);
        late.Send("late");
        open.Send("open");
        RunFor(std::chrono::milliseconds(350));
    }
    EXPECT_EQ(open.Received(), "open");
    EXPECT_EQ(late.Received(), "") << "neither answered nor closed";
    EXPECT_EQ(accepted_, 1);
    EXPECT_GE(failures_.size(), 2u) << "it tries again";
    EXPECT_LE(failures_.size(), 10u) << "and not all the time";
    EXPECT_EQ(failures_.front(), "Too many open files");

    RunUntilAccepted(2);
    RunFor(std::chrono::milliseconds(10));
    EXPECT_EQ(late.Received(), "late");
}

TEST_F(ListenerTest, CanBeDestroyedWhileItCannotAccept) {
    Start();
    Client client;
    {
        const test::FewDescriptors few(0);
        client.Connect(endpoint_);
        while (failures_.empty()) loop_.RunOnce();
        listener_.reset();
        loop_.Drain();
    }
    Start();
    RunUntilAccepted(1);
}

TEST_F(ListenerTest, AcceptsNobodyElseUntilWhoHasToWaitHasAPlace) {
    bool has_place = false;
    int asked = 0;
    Start([&] {
        ++asked;
        return has_place;
    });
    Client first;
    Client second;
    first.Connect(endpoint_);
    second.Connect(endpoint_);
    first.Send("first");
    RunFor(std::chrono::milliseconds(20));
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(accepted_, 0);

    listener_->AcceptWaiting();
    RunFor(std::chrono::milliseconds(20));
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(accepted_, 1);
    EXPECT_EQ(first.Received(), "first");

    listener_.reset();
    EXPECT_EQ(second.Received(), "closed");
}

TEST_F(ListenerTest, OfABurstOfConnectionsAcceptsSomeInEachTurnOfTheLoop) {
    constexpr int kMany = 300;
    Start();
    std::list<Client> clients(kMany);
    for (Client& client : clients) client.Connect(endpoint_);
    loop_.RunOnce();
    EXPECT_GT(accepted_, 1);
    EXPECT_LT(accepted_, kMany) << "others wait for their answers";
    RunUntilAccepted(kMany);
}

TEST_F(ListenerTest, SharesItsSocketWithThatOfAnotherLoop) {
    Start();
    EventLoop other_loop;
    int accepted_by_other = 0;
    {
        const auto count = [&](UvHandle<uv_any_handle>) { ++accepted_by_other; };
        const auto fail = [&](const std::string& why) { failures_.push_back(why); };
        const Listener other(other_loop.Raw(), socket_, count, fail);
        Client client;
        client.Connect(endpoint_);
        RunUntilAccepted(1);
        uv_run(other_loop.Raw(), UV_RUN_NOWAIT);
        EXPECT_EQ(accepted_by_other, 0);
        Client another;
        another.Connect(endpoint_);
        other_loop.RunOnce();
        EXPECT_EQ(accepted_by_other, 1);
    }
    EXPECT_EQ(failures_, std::vector<std::string>());
}

}  // namespace
}  // namespace policyd::async
