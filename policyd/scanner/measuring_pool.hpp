#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/wake_up.hpp"
#include "policyd/scanner/mailbox_meter.hpp"
#include "policyd/scanner/scan_state.hpp"

namespace policyd::scanner {

struct MeasuringTask {
    std::string mailbox;
    RecordPointer previous;
    Thoroughness thoroughness = Thoroughness::kWhatChanged;
    bool is_place = false;  ///< as well: other mailboxes are in it
};

/// The store's time, and when it was asked for.
struct Beginning {
    StoreTime time = 0;
    std::chrono::steady_clock::time_point asked{};
};

/// Batches of what changed, for whom waits until all of them are measured. Loop thread.
struct MeasuringRound {
    std::size_t unmeasured = 0;  ///< batches
    async::WakeUp is_over{};
};

/// Mailboxes that one thread measures one after the other.
struct MeasuringBatch {
    std::shared_ptr<const StoreFiles> files;
    Beginning began{};  ///< before the batch was submitted
    /// Null for a batch of a sweep, which waits behind the others: what changed just now is first.
    std::shared_ptr<MeasuringRound> round;
    std::vector<MeasuringTask> tasks;
    /// In the order of the tasks; fewer if the pool was stopped.
    std::vector<MeasuredMailbox> results;
};

/// The threads that measure. All calls, and the results, are on the loop thread.
class MeasuringPool {
public:
    using OnMeasured = std::function<void(MeasuringBatch&)>;

    /// `rules` and `pace` outlive the pool. Throws std::system_error where there can be no more
    /// threads.
    MeasuringPool(async::EventLoop& loop, std::size_t threads, const CountingRules& rules,
                  Pace& pace, FileClock clock, OnMeasured on_measured);
    /// Every batch has come back.
    ~MeasuringPool();
    MeasuringPool(const MeasuringPool&) = delete;
    MeasuringPool& operator=(const MeasuringPool&) = delete;

    void Submit(MeasuringBatch batch);
    /// What was submitted comes back soon, measured or not.
    void Stop();

private:
    class Worker;

    void Serve();
    void EndThreads();
    std::shared_ptr<MeasuringBatch> NextBatch();
    std::shared_ptr<MeasuringBatch> NextChanged();
    std::shared_ptr<MeasuringBatch> TakeChanged();  // under mutex_; there is one
    void Return(std::shared_ptr<MeasuringBatch> batch);
    static void OnWake(uv_async_t* wake);

    const CountingRules& rules_;
    Pace& pace_;
    FileClock clock_;
    OnMeasured on_measured_;
    std::atomic<bool> stopped_{false};
    std::mutex mutex_;
    std::condition_variable batch_waits_;
    std::deque<std::shared_ptr<MeasuringBatch>> changed_;  // guarded by mutex_
    std::deque<std::shared_ptr<MeasuringBatch>> sweep_;    // guarded by mutex_
    std::deque<std::shared_ptr<MeasuringBatch>> done_;     // guarded by mutex_
    std::size_t idle_ = 0;                                 // threads; guarded by mutex_
    bool ending_ = false;                                  // guarded by mutex_
    std::size_t unfinished_ = 0;                           // loop thread
    async::UvHandle<uv_async_t> wake_;                     // keeps the loop going while unfinished
    std::vector<std::thread> threads_;
};

}  // namespace policyd::scanner
