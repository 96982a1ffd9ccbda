#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "common/log/logging.hpp"

namespace policyd::server {

/// Keeps clients from filling the log: ten warnings about them a minute, the rest is counted.
/// Owned by one thread.
class WarningBudget {
public:
    using Milliseconds = std::chrono::milliseconds;

    static constexpr int kEachPeriod = 10;
    static constexpr Milliseconds kPeriod{60'000};

    /// Whether a warning may be logged now. `now` is monotonic.
    bool Take(Milliseconds now) {
        if (now >= period_ends_) {
            period_ends_ = now + kPeriod;
            left_ = kEachPeriod;
            if (unsaid_ > 0)
                log::Warning("clients: {} more warnings were not logged",
                             std::exchange(unsaid_, 0));
        }
        if (left_ > 0) {
            --left_;
            return true;
        }
        ++unsaid_;
        return false;
    }

private:
    Milliseconds period_ends_{0};
    int left_ = 0;
    std::uint64_t unsaid_ = 0;
};

}  // namespace policyd::server
