#include "common/async/listener.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <stdexcept>
#include <thread>

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

}  // namespace
}  // namespace policyd::async
