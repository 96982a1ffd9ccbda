#include "common/async/detached_call.hpp"

#include <atomic>
#include <vector>

namespace policyd::async {

namespace {

std::atomic<int> detached_threads = 0;

}  // namespace

DetachedThread::DetachedThread() noexcept {
    ++detached_threads;
}

DetachedThread::~DetachedThread() {
    --detached_threads;
}

void DetachedThread::LeaveTo(std::shared_ptr<const void> work) {
    static std::mutex mutex;
    static auto* const all = new std::vector<std::shared_ptr<const void>>;  // never destroyed
    ++detached_threads;
    const std::lock_guard lock(mutex);
    all->push_back(std::move(work));
}

bool DetachedThread::AnyIsLeft() noexcept {
    return detached_threads > 0;
}

}  // namespace policyd::async
