#pragma once

#include <chrono>
#include <coroutine>
#include <deque>
#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "common/async/task.hpp"
#include "common/async/timer.hpp"
#include "common/async/uv_handle.hpp"
#include "common/async/worker_pool.hpp"
#include "common/mysql/client.hpp"

namespace policyd::mysql {

/// The connections of one loop thread to the servers of one account. Queries that are alike and
/// come in one turn of the loop, or shortly behind others that are on their way, are one query to a
/// server: most of what a query costs, it costs whatever is in it. How many are joined follows from
/// how fast the servers are, so that slow ones are still asked side by side; how far away they are
/// is the same for one and for many.
class QueryBatches {
public:
    class Asking;

    /// Everybody who waits goes on before this is destroyed.
    QueryBatches(uv_loop_t* loop, const std::shared_ptr<ServerBoard>& board);

    /// `co_await batches.Ask(queries)`: the values of each, all from one server. Throws as
    /// Client::RunTogether() does, and async::WorkersOverloaded.
    Asking Ask(std::vector<Query> queries);

private:
    using Batch = std::vector<Asking*>;

    bool Join(Asking& asking);
    void SendWhatWaits(bool has_waited_enough);
    std::size_t WorthJoining() const;
    Batch TakeBatch();
    async::Task<void> Send(Batch batch);
    async::Task<bool> Answer(std::span<Asking* const> batch, std::span<const Query> queries);

    const std::size_t connections_;
    async::WorkerPool<Client> workers_;
    /// Runs when the loop turns to what it does next.
    async::UvHandle<uv_idle_t> next_turn_;
    async::Timer waited_enough_;
    std::deque<Asking*> waiting_;
    std::size_t on_their_way_ = 0;                      // batches
    std::chrono::nanoseconds took_for_one_{1'000'000};  // a question lately, at the server
    std::chrono::nanoseconds round_trip_{0};            // to the server, before that
};

class [[nodiscard]] QueryBatches::Asking {
public:
    Asking(QueryBatches& batches, std::vector<Query> queries)
        : batches_(batches), queries_(std::move(queries)), asked_(Client::Clock::now()) {}
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> asking) {
        asking_ = asking;
        return batches_.Join(*this);
    }
    std::vector<Values> await_resume() {
        if (failure_) std::rethrow_exception(failure_);
        return std::move(values_);
    }

private:
    friend class QueryBatches;

    bool IsLike(const Asking& other) const;

    QueryBatches& batches_;
    std::vector<Query> queries_;
    const Client::Clock::time_point asked_;
    std::coroutine_handle<> asking_;
    std::vector<Values> values_;
    std::exception_ptr failure_;
};

}  // namespace policyd::mysql
