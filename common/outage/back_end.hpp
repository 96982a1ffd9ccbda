#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/metrics/latency_histogram.hpp"
#include "common/metrics/series.hpp"
#include "common/outage/circuit_breaker.hpp"
#include "common/outage/outage_log.hpp"

namespace policyd::outage {

/// One back end, as one loop thread sees it: whether to ask it now, and the log, the metrics and
/// /health, which want to know how it is doing.
///
///     if (!back_end.MayAsk()) throw TableUnavailable(back_end.Name() + " is still unavailable");
///     const BackEnd::Question question(back_end);
///     … ask …
///     question.Answered();   or   question.Failed(why);
class BackEnd {
public:
    /// Monotonic.
    using Clock = std::function<std::chrono::milliseconds()>;
    class Question;

    /// `name` as the administrator knows it, without secrets: "redis:inet:127.0.0.1:6379". Threads
    /// that use the same back end give it the same name.
    BackEnd(std::string name, Clock clock, Telling telling = Telling::kLogAndMetrics);
    ~BackEnd();
    BackEnd(const BackEnd&) = delete;
    BackEnd& operator=(const BackEnd&) = delete;

    const std::string& Name() const noexcept { return name_; }

    /// False while it is spared; otherwise the caller asks.
    bool MayAsk();

private:
    struct Series {
        explicit Series(const std::string& name)
            : hold({metrics::Metric::kBackEndDown, metrics::Metric::kBackEndErrors,
                    metrics::Metric::kBackEndSpared, metrics::Metric::kBackEndDuration},
                   {name}),
              down(metrics::Metric::kBackEndDown, {name}),
              errors(metrics::Metric::kBackEndErrors, {name}),
              spared(metrics::Metric::kBackEndSpared, {name}),
              duration(metrics::Metric::kBackEndDuration, {name}) {}

        const metrics::Hold hold;
        const metrics::Gauge down;
        const metrics::Counter errors;
        const metrics::Counter spared;
        const metrics::LatencyHistogram duration;
    };

    void NoteState();
    void NoteSpared() const;

    const std::string name_;
    const Clock clock_;
    CircuitBreaker breaker_;
    /// One that fails now and then is not back after every answer.
    OutageLog log_;
    bool is_down_ = false;
    std::chrono::milliseconds refuses_until_{0};  // writes, by all appearances
    std::optional<const Series> series_;          // none: nobody is told
};

/// One question that is put to a back end, from when it is asked to when it is answered.
class BackEnd::Question {
public:
    explicit Question(BackEnd& back_end)
        : back_end_(back_end), began_(metrics::LatencyHistogram::Clock::now()) {}

    /// The back end answered, be it that the question made no sense.
    void Answered() const;
    /// `reason` may be logged.
    void Failed(std::string_view reason) const;
    /// As Failed(), of one that goes on answering what changes nothing: it is not back again before
    /// it has refused nothing for a while.
    void RefusedWrite(std::string_view reason) const;
    /// It was not put to the back end, which is known to be down.
    void WasSpared() const { back_end_.NoteSpared(); }

private:
    void NoteDuration() const;

    BackEnd& back_end_;
    const metrics::LatencyHistogram::Clock::time_point began_;
};

/// The names of the back ends that any thread of the process spares now. Any thread.
std::vector<std::string> BackEndsDown();

}  // namespace policyd::outage
