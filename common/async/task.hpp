#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "common/async/frame_pool.hpp"

namespace policyd::async {

template <typename T>
class Task;

namespace detail {

/// Hands control to the coroutine that awaits the finished one, if any.
struct ResumeAwaiting {
    bool await_ready() const noexcept { return false; }

    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
        return finished.promise().awaiting;
    }

    void await_resume() const noexcept {}
};

struct PromiseBase {
    static void* operator new(std::size_t size) { return AllocateFrame(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { FreeFrame(frame, size); }

    std::coroutine_handle<> awaiting = std::noop_coroutine();
    std::exception_ptr failure;

    std::suspend_always initial_suspend() const noexcept { return {}; }
    ResumeAwaiting final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { failure = std::current_exception(); }
};

template <typename T>
struct Promise : PromiseBase {
    std::optional<T> value;

    Task<T> get_return_object() noexcept;

    template <typename U>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }

    T TakeResult() {
        if (failure) std::rethrow_exception(failure);
        return std::move(*value);
    }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object() noexcept;

    void return_void() const noexcept {}

    void TakeResult() const {
        if (failure) std::rethrow_exception(failure);
    }
};

}  // namespace detail

/// A coroutine that starts when it is awaited and is awaited exactly once; or what a function that
/// had nothing to wait for returns in the place of one.
///
/// Everything runs on one loop thread, so there is nothing to lock. The awaited coroutine runs
/// inside await_suspend(): one that finishes without suspending costs no stack, even where the
/// compiler makes no tail calls (-O0, sanitizers). A suspended task must be left to finish: its
/// frame holds the request that libuv or a worker thread still points to.
///
/// g++ 12 destroys twice what a braced aggregate or a capturing lambda written inside a co_await
/// expression holds: name it on the line above.
template <typename T = void>
class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    explicit Task(Handle coroutine) noexcept : coroutine_(coroutine) {}
    Task(Task&& other) noexcept
        : coroutine_(std::exchange(other.coroutine_, nullptr)), result_(std::move(other.result_)) {}
    Task(const Task&) = delete;
    Task& operator=(Task) = delete;

    ~Task() {
        if (coroutine_) coroutine_.destroy();
    }

    /// `Task<>::Of()`, `Task<Row>::Of(row)`: one that has ended, and costs no coroutine.
    template <typename... Result>
    static Task Of(Result&&... result) {
        Task task{Handle()};
        task.result_.emplace(std::forward<Result>(result)...);
        return task;
    }

    bool await_ready() const noexcept { return !coroutine_; }

    bool await_suspend(std::coroutine_handle<> awaiting) {
        coroutine_.resume();
        if (coroutine_.done()) return false;
        coroutine_.promise().awaiting = awaiting;
        return true;
    }

    T await_resume() {
        if (coroutine_) return coroutine_.promise().TakeResult();
        if constexpr (!std::is_void_v<T>) return *std::move(result_);
    }

private:
    struct Nothing {};

    Handle coroutine_;  // null: there is a result
    std::optional<std::conditional_t<std::is_void_v<T>, Nothing, T>> result_;
};

namespace detail {

template <typename T>
Task<T> Promise<T>::get_return_object() noexcept {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}

inline Task<void> Promise<void>::get_return_object() noexcept {
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

struct Detached {
    struct promise_type {
        Detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }
    };
};

}  // namespace detail

/// Starts a task that nobody awaits; `on_failure(std::exception_ptr)` gets what escapes it.
template <typename OnFailure>
detail::Detached Spawn(Task<void> task, OnFailure on_failure) {
    std::exception_ptr failure;
    try {
        co_await task;
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure) on_failure(failure);
}

/// Likewise one that nothing may escape: what does is a mistake in the program, and ends it.
inline detail::Detached Spawn(Task<void> task) {
    co_await task;
}

}  // namespace policyd::async
