#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/log/logging.hpp"

namespace policyd::log {

/// Keeps what is told of clients or recipients from filling the log: ten warnings a minute, the
/// rest is counted. Owned by one thread.
class WarningBudget {
public:
    using Milliseconds = std::chrono::milliseconds;

    /// `subject` is what they are about, for the log: "clients". It outlives this.
    explicit WarningBudget(const char* subject) : subject_(subject) {}
    ~WarningBudget() { TellUnsaid(); }
    WarningBudget(const WarningBudget&) = delete;
    WarningBudget& operator=(const WarningBudget&) = delete;

    static constexpr int kEachPeriod = 10;
    static constexpr Milliseconds kPeriod{60'000};

    /// Whether a warning may be logged now. `now` is monotonic.
    bool Take(Milliseconds now) {
        if (now >= period_ends_) {
            period_ends_ = now + kPeriod;
            left_ = kEachPeriod;
            said_.clear();
            TellUnsaid();
        }
        if (left_ > 0) {
            --left_;
            return true;
        }
        ++unsaid_;
        return false;
    }

    /// The same, once in a period for what is the same: `about` says what is wrong, and with whom.
    bool TakeOnce(Milliseconds now, std::string_view about) {
        if (now < period_ends_ && std::find(said_.begin(), said_.end(), about) != said_.end())
            return false;
        if (!Take(now)) return false;
        said_.emplace_back(about);
        return true;
    }

private:
    void TellUnsaid() {
        if (unsaid_ > 0)
            Warning("{}: {} more warnings were not logged", subject_, std::exchange(unsaid_, 0));
    }

    const char* const subject_;
    Milliseconds period_ends_{0};
    int left_ = 0;
    std::uint64_t unsaid_ = 0;
    std::vector<std::string> said_;  // in this period
};

}  // namespace policyd::log
