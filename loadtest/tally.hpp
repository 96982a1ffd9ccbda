#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "loadtest/client.hpp"
#include "loadtest/latency_histogram.hpp"
#include "loadtest/reply.hpp"

namespace policyd::loadtest {

/// What happened during one interval of a run.
struct Interval {
    double begins_s = 0;  ///< from the beginning of the measured time
    double lasts_s = 0;
    std::uint64_t answered = 0;
    std::uint64_t faults = 0;
    LatencyHistogram::Duration p50{0};
    LatencyHistogram::Duration p99{0};
    LatencyHistogram::Duration max{0};
};

/// The sums of a run. Answers during the warm-up count for nothing but their faults, and those that
/// come after the measured time for their latency and their faults.
class Tally {
public:
    using Duration = LatencyHistogram::Duration;
    using VerdictCounts = std::array<std::uint64_t, kVerdicts.size()>;

    /// Answers to one kind of question.
    struct Kind {
        VerdictCounts verdicts{};
        LatencyHistogram latency;

        void Add(Verdict verdict, Duration time) {
            ++verdicts[static_cast<std::size_t>(verdict)];
            latency.Add(time);
        }
    };

    void Count(const Outcome& outcome, Duration latency, bool is_measured);
    /// Ends the interval that lasted until now.
    void EndInterval(double lasts_s);
    /// What came since belongs to the last interval, which lasted so much longer.
    void ExtendInterval(double by_s);
    /// The measured time is over: what is counted from now on belongs to no interval.
    void End() { is_over_ = true; }

    std::uint64_t Answered() const noexcept { return all_.Count(); }
    /// Of these, the answers that came after the measured time, and the others.
    std::uint64_t Late() const noexcept { return late_; }
    std::uint64_t InTime() const noexcept { return Answered() - late_; }
    const LatencyHistogram& Latency() const noexcept { return all_; }
    const std::map<std::string, Kind, std::less<>>& Kinds() const noexcept { return kinds_; }
    const std::vector<Interval>& Intervals() const noexcept { return intervals_; }

    /// Whole messages that were accepted at their end, and their sizes together.
    std::uint64_t Messages() const noexcept { return messages_; }
    std::uint64_t MessageBytes() const noexcept { return message_bytes_; }

    std::uint64_t Malformed() const noexcept { return malformed_; }
    std::uint64_t Unexpected() const noexcept { return unexpected_; }
    /// Requests that got no answer, by reason.
    const std::map<std::string, std::uint64_t>& NotAnswered() const noexcept { return no_answer_; }
    std::uint64_t Faults() const noexcept;
    /// The first few wrong replies, in words.
    const std::vector<std::string>& Examples() const noexcept { return examples_; }

private:
    Kind& KindOf(std::string_view name);
    void CountFault(const Outcome& outcome, bool is_of_interval);

    LatencyHistogram all_;
    LatencyHistogram interval_;
    LatencyHistogram last_interval_;
    std::map<std::string, Kind, std::less<>> kinds_;
    std::vector<Interval> intervals_;
    bool is_over_ = false;
    std::uint64_t late_ = 0;
    std::uint64_t faults_of_interval_ = 0;
    std::uint64_t messages_ = 0;
    std::uint64_t message_bytes_ = 0;
    std::uint64_t malformed_ = 0;
    std::uint64_t unexpected_ = 0;
    std::map<std::string, std::uint64_t> no_answer_;
    std::vector<std::string> examples_;
};

}  // namespace policyd::loadtest
