#include "common/async/destroy_elsewhere.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "common/async/detached_call.hpp"

namespace policyd::async {

namespace {

class Destroyer {
public:
    ~Destroyer() {
        Stop();
        if (thread_.joinable()) thread_.join();
    }

    bool Finish(std::chrono::milliseconds patience) {
        Stop();
        std::unique_lock lock(mutex_);
        return finished_.wait_for(lock, patience,
                                  [this] { return has_finished_ || !thread_.joinable(); });
    }

    void Take(std::shared_ptr<const void> remains) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_ || !HasThread()) return;  // they end here
            waiting_.push_back(std::move(remains));
        }
        changed_.notify_one();
    }

private:
    void Stop() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
    }

    /// Needs the lock. False where there can be no more threads.
    bool HasThread() {
        if (thread_.joinable()) return true;
        try {
            thread_ = std::thread([this] { Serve(); });
            return true;
        } catch (const std::system_error&) {
            return false;
        }
    }

    void Serve() {
        pthread_setname_np(pthread_self(), "destroyer");
        GiveWay();
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (waiting_.empty()) break;
            auto remains = std::exchange(waiting_, {});
            lock.unlock();
            remains.clear();
            lock.lock();
        }
        has_finished_ = true;
        finished_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::condition_variable finished_;
    std::vector<std::shared_ptr<const void>> waiting_;  // guarded by mutex_
    bool stopping_ = false;                             // guarded by mutex_
    bool has_finished_ = false;                         // guarded by mutex_
    std::thread thread_;                                // guarded by mutex_ until stopping_
};

Destroyer& TheDestroyer() {
    static Destroyer destroyer;
    return destroyer;
}

}  // namespace

void DestroyElsewhere(std::shared_ptr<const void> remains) {
    TheDestroyer().Take(std::move(remains));
}

bool FinishDestroying(std::chrono::milliseconds patience) {
    return !DetachedThread::AnyIsLeft() && TheDestroyer().Finish(patience);
}

void GiveWay() noexcept {
    constexpr int kNicer = 10;
    // On Linux, the nice value is each thread's own.
    const auto thread = static_cast<id_t>(gettid());
    setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + kNicer);
}

}  // namespace policyd::async
