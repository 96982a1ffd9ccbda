#pragma once

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// More jobs wait than the pool was allowed to queue: what they need is slower than what asks.
class WorkersOverloaded : public std::runtime_error {
public:
    WorkersOverloaded() : std::runtime_error("too many jobs are waiting for a worker") {}
};

/// Threads that each own one blocking `Resource`, such as a MySQL connection.
///
///     auto find_quota = [mailbox](MysqlConnection& db) { return db.QuotaOf(mailbox); };
///     const Quota quota = co_await databases.Run(std::move(find_quota));
///
/// Jobs start in the order they were awaited. Only the two queues are shared between threads;
/// coroutines run on the loop thread alone. A result is returned by value: a function that returns
/// nothing returns std::monostate.
template <typename Resource>
class WorkerPool {
    struct Job {
        virtual ~Job() = default;
        virtual void Execute(Resource& resource) noexcept = 0;
        std::coroutine_handle<> awaiting;
    };

    template <typename Function>
    class Call;

public:
    using Open = std::function<std::unique_ptr<Resource>()>;

    /// Every worker calls `open` on its own thread, so per-thread setup belongs there. It must not
    /// throw: a resource that can fail connects on its first job. Once `most_waiting` jobs wait,
    /// the next one fails with WorkersOverloaded.
    WorkerPool(uv_loop_t* loop, std::size_t workers, Open open, std::size_t most_waiting = 10'000)
        : most_waiting_(most_waiting),
          wake_(MakeHandle<uv_async_t>("uv_async_init", this, uv_async_init, loop, &OnWake)) {
        // An idle pool is no reason for the loop to go on.
        uv_unref(reinterpret_cast<uv_handle_t*>(wake_.get()));
        for (std::size_t i = 0; i < workers; ++i)
            threads_.emplace_back([this, open] { Serve(open); });
    }
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// Every job has finished: stop accepting requests and drain the loop first.
    ~WorkerPool() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        job_waiting_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

    template <typename Function>
    Call<Function> Run(Function function) {
        return Call<Function>(*this, std::move(function));
    }

    /// Jobs that were awaited and have not been resumed yet. Loop thread.
    std::size_t Unfinished() const noexcept { return unfinished_; }

private:
    bool Submit(Job& job) {
        {
            const std::lock_guard lock(mutex_);
            if (waiting_.size() >= most_waiting_) return false;
            waiting_.push_back(&job);
        }
        if (unfinished_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(wake_.get()));
        job_waiting_.notify_one();
        return true;
    }

    void Serve(const Open& open) {
        const std::unique_ptr<Resource> resource = open();
        std::unique_lock lock(mutex_);
        for (;;) {
            job_waiting_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (waiting_.empty()) return;
            Job* job = waiting_.front();
            waiting_.pop_front();
            lock.unlock();
            job->Execute(*resource);
            lock.lock();
            finished_.push_back(job);
            uv_async_send(wake_.get());
        }
    }

    /// libuv merges wake-ups, so one wake-up takes all that has finished.
    static void OnWake(uv_async_t* wake) {
        auto& pool = *static_cast<WorkerPool*>(wake->data);
        std::deque<Job*> finished;
        {
            const std::lock_guard lock(pool.mutex_);
            finished.swap(pool.finished_);
        }
        pool.unfinished_ -= finished.size();
        if (pool.unfinished_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(wake));
        // The last of these may destroy the pool.
        for (Job* job : finished) job->awaiting.resume();
    }

    const std::size_t most_waiting_;
    std::mutex mutex_;
    std::condition_variable job_waiting_;
    std::deque<Job*> waiting_;    // guarded by mutex_
    std::deque<Job*> finished_;   // guarded by mutex_
    bool stopping_ = false;       // guarded by mutex_
    std::size_t unfinished_ = 0;  // loop thread
    UvHandle<uv_async_t> wake_;
    std::vector<std::thread> threads_;
};

template <typename Resource>
template <typename Function>
class [[nodiscard]] WorkerPool<Resource>::Call final : private Job {
public:
    using Result = std::invoke_result_t<Function&, Resource&>;

    Call(WorkerPool& pool, Function function) : pool_(pool), function_(std::move(function)) {}
    Call(const Call&) = delete;

    bool await_ready() const noexcept { return false; }

    bool await_suspend(std::coroutine_handle<> caller) {
        this->awaiting = caller;
        if (pool_.Submit(*this)) return true;
        failure_ = std::make_exception_ptr(WorkersOverloaded());
        return false;
    }

    Result await_resume() {
        if (failure_) std::rethrow_exception(failure_);
        return std::move(*result_);
    }

private:
    void Execute(Resource& resource) noexcept override {
        try {
            result_.emplace(function_(resource));
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    WorkerPool& pool_;
    Function function_;
    std::optional<Result> result_;
    std::exception_ptr failure_;
};

}  // namespace policyd::async
