#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "common/async/task.hpp"
#include "common/usage/usage_store.hpp"

namespace policyd::checks {

/// How many bytes the messages of the site have on average, for all threads of the process. To ask
/// the usage store takes seconds on a large site: so one thread asks, and what it said before
/// serves until then. Every call may be made by any thread; `now` is monotonic.
class SiteAverage {
public:
    using Milliseconds = std::chrono::milliseconds;
    using Clock = std::function<Milliseconds()>;

    /// What the store said last, however long ago; nothing if it was never asked. Where it is old,
    /// a newer one is wanted from now on.
    std::optional<std::uint64_t> Known(Milliseconds now);

    /// Asks the store, and throws as it does. It outlives the task.
    async::Task<std::uint64_t> Ask(usage::UsageStore& usage, Clock clock);

    /// Begins to ask the store for a newer one where that is wanted and nobody does so yet. What
    /// asks is left to itself, with its share of the store; the loop ends after it.
    void Renew(std::shared_ptr<usage::UsageStore> usage, Clock clock);

private:
    async::Task<void> AskAgain(std::shared_ptr<usage::UsageStore> usage, Clock clock);

    std::mutex mutex_;
    // Guarded by mutex_:
    std::optional<std::uint64_t> bytes_;
    Milliseconds as_of_{0};
    bool is_wanted_ = false;
    bool is_renewed_ = false;  // somebody asks
};

}  // namespace policyd::checks
