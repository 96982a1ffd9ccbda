#include "common/async/detached_call.hpp"

#include <atomic>

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

bool DetachedThread::AnyIsLeft() noexcept {
    return detached_threads > 0;
}

}  // namespace policyd::async
