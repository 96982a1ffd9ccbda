#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace policyd::outage {

/// Who hears of outages. Of what is only tried, whoever tries it tells.
enum class Telling { kLogAndMetrics, kNobody };

/// Says once that something is unavailable, repeats it at a bounded rate with the count in
/// between, and says once that it is back, or that nobody asks any more: a reload has replaced who
/// asks, or the program ends. Owned by one loop thread; `now` is monotonic.
///
///     log.Failed("recipient", error.what(), now);   // unavailable: recipient: ...
///     log.Answered("recipient", now);               // back again: recipient: ...
class OutageLog {
public:
    using Milliseconds = std::chrono::milliseconds;

    static constexpr Milliseconds kRepeatPeriod{60'000};
    /// Of one outage, within that time: what it is said to come from may change meanwhile.
    static constexpr std::size_t kMostReasons = 4;

    /// Something is back when it has answered, and has not failed for `quiet_time` before: answers
    /// from a cache between failures are no recovery.
    /// Of `most_reasons` within the repeat period each is said at once.
    explicit OutageLog(Milliseconds quiet_time, std::size_t most_reasons = kMostReasons,
                       Telling telling = Telling::kLogAndMetrics)
        : quiet_time_(quiet_time), most_reasons_(most_reasons), telling_(telling) {}
    OutageLog(const OutageLog&) = delete;
    OutageLog& operator=(const OutageLog&) = delete;
    ~OutageLog();

    /// `name` is what failed, `reason` why: texts that may be logged.
    void Failed(std::string_view name, std::string_view reason, Milliseconds now) {
        Failed(name, reason, now, most_reasons_);
    }
    /// Where of some failures more reasons are said than of others.
    void Failed(std::string_view name, std::string_view reason, Milliseconds now,
                std::size_t most_reasons);
    void Answered(std::string_view name, Milliseconds now);

    /// Whether something is not known to be back.
    bool HasOutages() const noexcept { return !outages_.empty(); }

private:
    struct Outage {
        Milliseconds began;
        Milliseconds last_failure;
        Milliseconds next_line;
        std::uint64_t failures = 0;
        std::uint64_t logged = 0;          // of them
        std::vector<std::string> reasons;  // said since the last time that one was repeated
    };

    static void SayEnd(std::string_view what, std::string_view name, const Outage& outage);

    const Milliseconds quiet_time_;
    const std::size_t most_reasons_;
    const Telling telling_;
    std::map<std::string, Outage, std::less<>> outages_;
};

}  // namespace policyd::outage
