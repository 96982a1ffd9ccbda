#pragma once

#include <pthread.h>

#include <chrono>
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

#include "common/async/destroy_elsewhere.hpp"
#include "common/async/start_thread.hpp"
#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// More jobs wait than the pool was allowed to queue: what they need is slower than what asks.
class WorkersOverloaded : public std::runtime_error {
public:
    WorkersOverloaded() : std::runtime_error("too many jobs are waiting for a worker") {}
};

/// Thrown by a job whose resource can do nothing for `rest`, where another one may: it is begun
/// anew by another worker. Where all others rest, the job fails with it.
struct NotNow {
    explicit NotNow(std::chrono::milliseconds the_rest) : rest(the_rest) {}
    std::chrono::milliseconds rest;
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
        /// How long the resource is to rest, if the job is another's.
        virtual std::optional<std::chrono::milliseconds> Execute(Resource& resource) noexcept = 0;
        std::coroutine_handle<> awaiting;
    };

    template <typename Function>
    class Call;

public:
    using Open = std::function<std::unique_ptr<Resource>()>;

    /// Every worker calls `open` on its own thread, so per-thread setup belongs there. It must not
    /// throw: a resource that can fail connects on its first job. Once `most_waiting` jobs wait,
    /// the next one fails with WorkersOverloaded. Throws std::system_error where there can be no
    /// more threads.
    WorkerPool(uv_loop_t* loop, std::size_t workers, Open open, std::size_t most_waiting = 10'000)
        : most_waiting_(most_waiting),
          wake_(MakeHandle<uv_async_t>("uv_async_init", this, uv_async_init, loop, &OnWake)) {
        // An idle pool is no reason for the loop to go on.
        uv_unref(reinterpret_cast<uv_handle_t*>(wake_.get()));
        queues_->wake = wake_.get();
        queues_->at_work = workers;
        try {
            for (std::size_t i = 0; i < workers; ++i)
                threads_->threads.push_back(
                    StartThread([queues = queues_, open] { Serve(*queues, open); }));
        } catch (...) {
            StopThreads();
            throw;
        }
    }
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// Every job has finished: stop accepting requests and drain the loop first. The resources are
    /// closed soon afterwards, by their threads, which are not waited for.
    ~WorkerPool() {
        StopThreads();
        DestroyElsewhere(std::move(threads_));
    }

    template <typename Function>
    Call<Function> Run(Function function) {
        return Call<Function>(*this, std::move(function));
    }

    /// Jobs that were awaited and have not been resumed yet. Loop thread.
    std::size_t Unfinished() const noexcept { return unfinished_; }

private:
    /// What the loop and the threads share; the threads may outlive the pool.
    struct Queues {
        std::mutex mutex;
        std::condition_variable job_waiting;
        std::condition_variable stop;  // for those that rest
        std::deque<Job*> waiting;      // guarded by mutex
        std::deque<Job*> finished;     // guarded by mutex
        std::size_t at_work = 0;       // workers that do not rest; guarded by mutex
        bool stopping = false;         // guarded by mutex
        uv_async_t* wake = nullptr;    // while there are unfinished jobs
    };

    struct Threads {
        ~Threads() {
            for (std::thread& thread : threads) thread.join();
        }
        std::vector<std::thread> threads;
    };

    bool Submit(Job& job) {
        {
            const std::lock_guard lock(queues_->mutex);
            if (queues_->waiting.size() >= most_waiting_) return false;
            queues_->waiting.push_back(&job);
        }
        if (unfinished_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(wake_.get()));
        queues_->job_waiting.notify_one();
        return true;
    }

    /// They end when nothing waits any more.
    void StopThreads() {
        {
            const std::lock_guard lock(queues_->mutex);
            queues_->stopping = true;
        }
        queues_->job_waiting.notify_all();
        queues_->stop.notify_all();
    }

    static void Serve(Queues& queues, const Open& open) {
        pthread_setname_np(pthread_self(), "pool");
        const std::unique_ptr<Resource> resource = open();
        std::unique_lock lock(queues.mutex);
        for (;;) {
            queues.job_waiting.wait(
                lock, [&queues] { return queues.stopping || !queues.waiting.empty(); });
            if (queues.waiting.empty()) return lock.unlock();
            Job* job = queues.waiting.front();
            queues.waiting.pop_front();
            lock.unlock();
            const auto rest = job->Execute(*resource);
            lock.lock();
            if (rest && queues.at_work > 1) {
                queues.waiting.push_front(job);
                queues.job_waiting.notify_one();
                --queues.at_work;
                queues.stop.wait_for(lock, *rest, [&queues] { return queues.stopping; });
                ++queues.at_work;
            } else {
                queues.finished.push_back(job);
                uv_async_send(queues.wake);
            }
        }
    }

    /// libuv merges wake-ups, so one wake-up takes all that has finished.
    static void OnWake(uv_async_t* wake) {
        auto& pool = *static_cast<WorkerPool*>(wake->data);
        std::deque<Job*> finished;
        {
            const std::lock_guard lock(pool.queues_->mutex);
            finished.swap(pool.queues_->finished);
        }
        pool.unfinished_ -= finished.size();
        if (pool.unfinished_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(wake));
        // The last of these may destroy the pool.
        for (Job* job : finished) job->awaiting.resume();
    }

    const std::size_t most_waiting_;
    std::size_t unfinished_ = 0;  // loop thread
    const std::shared_ptr<Queues> queues_ = std::make_shared<Queues>();
    UvHandle<uv_async_t> wake_;
    std::shared_ptr<Threads> threads_ = std::make_shared<Threads>();
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
    std::optional<std::chrono::milliseconds> Execute(Resource& resource) noexcept override {
        failure_ = nullptr;
        try {
            result_.emplace(function_(resource));
        } catch (const NotNow& not_now) {
            failure_ = std::current_exception();
            return not_now.rest;
        } catch (...) {
            failure_ = std::current_exception();
        }
        return std::nullopt;
    }

    WorkerPool& pool_;
    Function function_;
    std::optional<Result> result_;
    std::exception_ptr failure_;
};

}  // namespace policyd::async
