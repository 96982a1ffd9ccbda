#include "policyd/scanner/measuring_pool.hpp"

#include <optional>

#include "common/async/process.hpp"
#include "common/async/start_thread.hpp"

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
    try {
        for (std::size_t i = 0; i < threads; ++i)
            threads_.push_back(async::StartThread([this] { Serve(); }));
    } catch (...) {
        EndThreads();
        throw;
    }
}

MeasuringPool::~MeasuringPool() {
    EndThreads();
}

void MeasuringPool::EndThreads() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    batch_waits_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void MeasuringPool::Submit(MeasuringBatch batch) {
    auto shared = std::make_shared<MeasuringBatch>(std::move(batch));
    const bool is_sweep = shared->round == nullptr;
    if (unfinished_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(wake_.get()));
    {
        const std::lock_guard lock(mutex_);
        (is_sweep ? sweep_ : changed_).push_back(std::move(shared));
        if (changed_.size() > idle_) pace_.Hurry(true);
    }
    batch_waits_.notify_one();
}

void MeasuringPool::Stop() {
    stopped_ = true;
    pace_.Stop();
}

std::shared_ptr<MeasuringBatch> MeasuringPool::NextBatch() {
    std::unique_lock lock(mutex_);
    ++idle_;
    batch_waits_.wait(lock, [this] { return ending_ || !changed_.empty() || !sweep_.empty(); });
    --idle_;
    if (!changed_.empty()) return TakeChanged();
    if (sweep_.empty()) return nullptr;
    auto batch = std::move(sweep_.front());
    sweep_.pop_front();
    return batch;
}

std::shared_ptr<MeasuringBatch> MeasuringPool::NextChanged() {
    const std::lock_guard lock(mutex_);
    return changed_.empty() ? nullptr : TakeChanged();
}

std::shared_ptr<MeasuringBatch> MeasuringPool::TakeChanged() {
    auto batch = std::move(changed_.front());
    changed_.pop_front();
    if (changed_.empty()) pace_.Hurry(false);
    return batch;
}

/// One thread's work.
class MeasuringPool::Worker {
public:
    explicit Worker(MeasuringPool& pool) : pool_(pool) {}

    void Measure(std::shared_ptr<MeasuringBatch> batch) {
        batch->results.reserve(batch->tasks.size());
        for (const MeasuringTask& task : batch->tasks) {
            if (pool_.stopped_) break;
            // What changed just now does not wait for the end of a batch of a sweep.
            if (batch->round == nullptr)
                while (auto changed = pool_.NextChanged()) Measure(std::move(changed));
            MeterFor(*batch).BeInHaste(batch->round != nullptr);
            const auto start = std::chrono::steady_clock::now();
            batch->results.push_back(
                meter_->Measure(task.mailbox, task.previous, task.thoroughness, task.is_place));
            MeasuredMailbox& measured = batch->results.back();
            measured.took = std::chrono::steady_clock::now() - start - measured.paused;
        }
        pool_.Return(std::move(batch));
    }

private:
    MailboxMeter& MeterFor(const MeasuringBatch& batch) {
        if (files_ != batch.files) {
            meter_.reset();
            files_ = batch.files;
            meter_.emplace(*files_, pool_.rules_, pool_.pace_, pool_.clock_);
        }
        return *meter_;
    }

    MeasuringPool& pool_;
    std::shared_ptr<const StoreFiles> files_;
    std::optional<MailboxMeter> meter_;
};

void MeasuringPool::Serve() {
    async::LeaveSignalsToOtherThreads();
    Worker worker(*this);
    while (std::shared_ptr<MeasuringBatch> batch = NextBatch()) worker.Measure(std::move(batch));
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
