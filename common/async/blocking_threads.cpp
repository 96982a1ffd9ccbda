#include "common/async/blocking_threads.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <future>
#include <thread>
#include <variant>
#include <vector>

#include "common/async/blocking_call.hpp"
#include "common/async/start_thread.hpp"

namespace policyd::async {

namespace {

/// As libuv decides it (uv_queue_work).
std::size_t PoolSize() {
    constexpr int kDefault = 4;
    constexpr int kMost = 1024;
    const char* const size = std::getenv("UV_THREADPOOL_SIZE");
    return static_cast<std::size_t>(
        std::clamp(size != nullptr ? std::atoi(size) : kDefault, 1, kMost));
}

/// Whether there can be so many more at once.
void TryThreads(std::size_t count) {
    std::promise<void> enough;
    const std::shared_future<void> wait = enough.get_future().share();
    std::vector<std::thread> threads;
    std::exception_ptr failure;
    try {
        while (threads.size() < count) threads.push_back(StartThread([wait] { wait.wait(); }));
    } catch (...) {
        failure = std::current_exception();
    }
    enough.set_value();
    for (std::thread& thread : threads) thread.join();
    if (failure) std::rethrow_exception(failure);
}

Task<> DoNothing(uv_loop_t* loop) {
    auto nothing = [] { return std::monostate(); };
    BlockingCall call(loop, std::move(nothing));
    co_await call;
}

}  // namespace

void StartBlockingThreads(EventLoop& loop) {
    TryThreads(PoolSize());
    loop.RunUntilDone(DoNothing(loop.Raw()));
}

}  // namespace policyd::async
