#include "policyd/server/session_metrics.hpp"

#include <utility>

namespace policyd::server {

void SessionMetrics::CountAnswer(std::string_view check, std::string_view reason,
                                 Clock::duration took) {
    if (check.empty()) {
        verdicts_.With({"none", "no_opinion"}).Add();
    } else {
        verdicts_.With({check, reason}).Add();
    }
    duration_.Record(took);
}

void SessionMetrics::CountLookups(const recipients::RecipientCache& cache) {
    const auto before = std::exchange(seen_, cache.Counted());
    hits_.Add(seen_.hits - before.hits);
    misses_.Add(seen_.misses - before.misses);
    stale_.Add(seen_.stale - before.stale);
    const auto size = static_cast<std::int64_t>(cache.Size());
    cached_.Add(size - std::exchange(seen_size_, size));
}

void SessionMetrics::ForgetCache() {
    cached_.Add(-std::exchange(seen_size_, 0));
    seen_ = {};
}

}  // namespace policyd::server
