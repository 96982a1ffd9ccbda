#include "policyd/scanner/measuring_pool.hpp"

#include <optional>

#include "common/async/process.hpp"

namespace policyd::scanner {

MeasuringPool::MeasuringPool(async::EventLoop& loop, std::size_t threads,
                             const CountingRules& rules, Pace& pace, FileClock clock,
                             OnMeasured on_measured)
    : rules_(rules),
      pace_(pace),
      clock_(clock),
      on_measured_(std::move(on_measured)),
      wake_(async::MakeHandle<uv_async_t>("uv_async_init", this, uv_async_init, loop.Raw(),
                                          &OnWake)) {
    uv_unref(reinterpret_cast<uv_handle_t*>(wake_.get()));
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Serve(); });
}

MeasuringPool::~MeasuringPool() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    batch_waits_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void MeasuringPool::Submit(MeasuringBatch batch) {
    auto shared = std::make_shared<MeasuringBatch>(std::move(batch));
    if (unfinished_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(wake_.get()));
    {
        const std::lock_guard lock(mutex_);
        (shared->is_sweep ? sweep_ : changed_).push_back(std::move(shared));
    }
    batch_waits_.notify_one();
}

void MeasuringPool::Stop() {
    stopped_ = true;
    pace_.Stop();
}

std::shared_ptr<MeasuringBatch> MeasuringPool::NextBatch() {
    std::unique_lock lock(mutex_);
    batch_waits_.wait(lock, [this] { return ending_ || !changed_.empty() || !sweep_.empty(); });
    auto& queue = changed_.empty() ? sweep_ : changed_;
    if (queue.empty()) return nullptr;
    auto batch = std::move(queue.front());
    queue.pop_front();
    return batch;
}

void MeasuringPool::Serve() {
    async::LeaveSignalsToOtherThreads();
    std::shared_ptr<const StoreFiles> files;
    std::optional<MailboxMeter> meter;
    while (std::shared_ptr<MeasuringBatch> batch = NextBatch()) {
        if (files != batch->files) {
            meter.reset();
            files = batch->files;
            meter.emplace(*files, rules_, pace_, clock_);
        }
        batch->results.reserve(batch->tasks.size());
        for (const MeasuringTask& task : batch->tasks) {
            if (stopped_) break;
            const auto start = std::chrono::steady_clock::now();
            batch->results.push_back(
                meter->Measure(task.mailbox, task.previous, task.thoroughness));
            MeasuredMailbox& measured = batch->results.back();
            measured.took = std::chrono::steady_clock::now() - start - measured.paused;
        }
        Return(std::move(batch));
    }
}

void MeasuringPool::Return(std::shared_ptr<MeasuringBatch> batch) {
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(batch));
    uv_async_send(wake_.get());
}

void MeasuringPool::OnWake(uv_async_t* wake) {
    auto& pool = *static_cast<MeasuringPool*>(wake->data);
    std::deque<std::shared_ptr<MeasuringBatch>> done;
    {
        const std::lock_guard lock(pool.mutex_);
        done.swap(pool.done_);
    }
    pool.unfinished_ -= done.size();
    if (pool.unfinished_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(wake));
    for (const auto& batch : done) pool.on_measured_(*batch);
}

}  // namespace policyd::scanner
