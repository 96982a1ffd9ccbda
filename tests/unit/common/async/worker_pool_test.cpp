#include "common/async/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"
#include "tests/support/process.hpp"

namespace policyd::async {
namespace {

struct Counter {
    int value = 0;
};

Task<int> CountTo(WorkerPool<Counter>& pool, int n) {
    int last = 0;
    for (int i = 0; i < n; ++i) {
        auto count = [](Counter& counter) { return ++counter.value; };
        last = co_await pool.Run(std::move(count));
    }
    co_return last;
}

TEST(WorkerPoolTest, RunsJobsOnTheThreadThatOwnsTheResource) {
    EventLoop loop;
    WorkerPool<Counter> pool(loop.Raw(), 1, [] { return std::make_unique<Counter>(); });

    EXPECT_EQ(loop.RunUntilDone(CountTo(pool, 1000)), 1000);
    EXPECT_EQ(pool.Unfinished(), 0u);
}

Task<int> Throw(WorkerPool<Counter>& pool) {
    auto fail = [](Counter&) -> int { throw std::runtime_error("broken"); };
    co_return co_await pool.Run(std::move(fail));
}

TEST(WorkerPoolTest, HandsExceptionsToTheAwaitingCoroutine) {
    EventLoop loop;
    WorkerPool<Counter> pool(loop.Raw(), 2, [] { return std::make_unique<Counter>(); });

    EXPECT_THROW(loop.RunUntilDone(Throw(pool)), std::runtime_error);
}

TEST(WorkerPoolTest, RefusesMoreJobsThanItMayQueue) {
    EventLoop loop;
    WorkerPool<Counter> pool(
        loop.Raw(), 1, [] { return std::make_unique<Counter>(); }, 0);

    EXPECT_THROW(loop.RunUntilDone(CountTo(pool, 1)), WorkersOverloaded);
}

struct Helper {
    explicit Helper(std::atomic<int>& tries) : tries(tries) {}
    std::atomic<int>& tries;
    bool can_help = false;
};

/// The number of tries that it took. The first `unable` of the tries are in vain.
Task<int> AskForHelp(WorkerPool<Helper>& pool, int unable, std::chrono::milliseconds rest) {
    auto help = [unable, rest](Helper& helper) {
        const int tries = ++helper.tries;
        if (tries > unable) helper.can_help = true;
        if (!helper.can_help) throw NotNow(rest);
        return tries;
    };
    co_return co_await pool.Run(std::move(help));
}

class WorkerPoolRestTest : public testing::Test {
protected:
    WorkerPool<Helper>::Open Open() {
        return [this] { return std::make_unique<Helper>(tries); };
    }

    EventLoop loop;
    std::atomic<int> tries = 0;
};

TEST_F(WorkerPoolRestTest, WhatAWorkerCannotDoNowAnotherOneDoesAndGoesOnDoing) {
    WorkerPool<Helper> pool(loop.Raw(), 3, Open());
    EXPECT_EQ(loop.RunUntilDone(AskForHelp(pool, 2, std::chrono::hours(1))), 3);
    for (int i = 4; i < 50; ++i)
        EXPECT_EQ(loop.RunUntilDone(AskForHelp(pool, i, std::chrono::hours(1))), i);
}

TEST_F(WorkerPoolRestTest, WhatNoWorkerCanDoNowFailsOnceAllHaveTriedIt) {
    WorkerPool<Helper> pool(loop.Raw(), 3, Open());
    EXPECT_THROW(loop.RunUntilDone(AskForHelp(pool, 100, std::chrono::hours(1))), NotNow);
    EXPECT_EQ(tries, 3);
    EXPECT_THROW(loop.RunUntilDone(AskForHelp(pool, 100, std::chrono::hours(1))), NotNow);
    EXPECT_EQ(tries, 4) << "the last one does not rest";
    EXPECT_EQ(loop.RunUntilDone(AskForHelp(pool, 0, std::chrono::hours(1))), 5);
}

TEST_F(WorkerPoolRestTest, AWorkerTriesAgainAfterItsRest) {
    constexpr std::chrono::milliseconds kRest(10);
    WorkerPool<Helper> pool(loop.Raw(), 2, Open());
    const auto tries_of_one = [&] {
        const int before = tries;
        EXPECT_THROW(loop.RunUntilDone(AskForHelp(pool, 1'000'000, kRest)), NotNow);
        return tries - before;
    };
    EXPECT_EQ(tries_of_one(), 2);
    std::this_thread::sleep_for(kRest * 2);
    test::WaitUntil("both to try again", [&] { return tries_of_one() == 2; });
}

struct Ending {
    ~Ending() { ended->set_value(); }
    std::promise<void>* ended = nullptr;
};

TEST(WorkerPoolTest, ItsResourcesEndAfterItWithoutAnybodyWaiting) {
    EventLoop loop;
    std::promise<void> ended;
    {
        WorkerPool<Ending> pool(loop.Raw(), 1, [&ended] {
            auto ending = std::make_unique<Ending>();
            ending->ended = &ended;
            return ending;
        });
    }
    ended.get_future().get();
}

Task<> SleepTwice(EventLoop& loop) {
    co_await Sleep(loop.Raw(), std::chrono::milliseconds(1));
    co_await Sleep(loop.Raw(), std::chrono::milliseconds(1));
}

TEST(EventLoopTest, ClosesCleanlyAfterTimersAndPostedFunctions) {
    EventLoop loop;
    int posted = 0;
    loop.Post([&posted] { ++posted; });
    loop.RunUntilDone(SleepTwice(loop));
    EXPECT_EQ(posted, 1);
}

}  // namespace
}  // namespace policyd::async
