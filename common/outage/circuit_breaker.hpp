#pragma once

#include <chrono>

namespace policyd::outage {

/// Spares a back end that is failing, and those who would wait for it.
///
/// After three failures in a row it opens: nobody asks any more, but for one probe a second, and
/// the first answer closes it. Failures are those of the back end, not of one question. Owned by
/// one loop thread; `now` is monotonic.
class CircuitBreaker {
public:
    using Milliseconds = std::chrono::milliseconds;

    static constexpr int kFailuresToOpen = 3;
    static constexpr Milliseconds kProbePeriod{1'000};

    /// Whether to ask. Whoever asks reports what came of it.
    bool MayAsk(Milliseconds now);

    void Answered();
    void Failed(Milliseconds now);

    bool IsOpen() const noexcept { return failures_ >= kFailuresToOpen; }

private:
    int failures_ = 0;  // in a row
    Milliseconds next_probe_{0};
};

}  // namespace policyd::outage
