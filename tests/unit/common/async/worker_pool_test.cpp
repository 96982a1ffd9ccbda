#include "common/async/worker_pool.hpp"

#include <gtest/gtest.h>

#include <future>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"

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
