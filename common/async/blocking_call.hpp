#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>

#include "common/async/uv_handle.hpp"

namespace policyd::async {

/// Runs `function` on the libuv thread pool and resumes the awaiting coroutine on the loop, with
/// what it returned or threw.
///
///     BlockingCall stat_directory(loop, [path] { return Stat(path); });
///     const FileStatus status = co_await stat_directory;
///
/// Name the call before awaiting it: g++ 12 destroys the captures of a lambda written inside a
/// co_await expression twice. The pool is small: for files, directories and child
/// processes, not for data bases (worker_pool.hpp), nor for what may never return
/// (detached_call.hpp).
template <typename Function>
class [[nodiscard]] BlockingCall {
public:
    using Result = std::invoke_result_t<Function&>;

    BlockingCall(uv_loop_t* loop, Function function)
        : loop_(loop), function_(std::move(function)) {}
    BlockingCall(const BlockingCall&) = delete;
    BlockingCall& operator=(const BlockingCall&) = delete;

    bool await_ready() const noexcept { return false; }

    void await_suspend(std::coroutine_handle<> awaiting) {
        awaiting_ = awaiting;
        request_.data = this;
        ThrowIfFailed(uv_queue_work(loop_, &request_, &RunOnWorker, &FinishOnLoop),
                      "uv_queue_work");
    }

    Result await_resume() {
        if (failure_) std::rethrow_exception(failure_);
        return std::move(*result_);
    }

private:
    static void RunOnWorker(uv_work_t* request) {
        auto& call = *static_cast<BlockingCall*>(request->data);
        try {
            call.result_.emplace(call.function_());
        } catch (...) {
            call.failure_ = std::current_exception();
        }
    }

    static void FinishOnLoop(uv_work_t* request, int status) {
        auto& call = *static_cast<BlockingCall*>(request->data);
        if (status < 0) call.failure_ = std::make_exception_ptr(UvError("uv_queue_work", status));
        call.awaiting_.resume();
    }

    uv_loop_t* loop_;
    Function function_;
    uv_work_t request_{};
    std::optional<Result> result_;
    std::exception_ptr failure_;
    std::coroutine_handle<> awaiting_;
};

}  // namespace policyd::async
