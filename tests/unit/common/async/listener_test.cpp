#include "common/async/listener.hpp"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

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

}  // namespace
}  // namespace policyd::async
