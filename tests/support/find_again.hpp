#pragma once

#include <chrono>

#include "common/async/event_loop.hpp"
#include "common/async/sleep.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::test {

/// Returns once the store answers after an outage: it connects again while the loop turns.
inline async::Task<void> FindAgain(async::EventLoop& loop, usage::UsageStore& store) {
    for (bool found = false; !found;) {
        try {
            co_await store.Now();
            found = true;
        } catch (const outage::UsageStoreUnavailable&) {
        }
        co_await async::Sleep(loop.Raw(), std::chrono::milliseconds(5));
    }
}

}  // namespace policyd::test
