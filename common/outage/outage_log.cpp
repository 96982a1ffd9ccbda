#include "common/outage/outage_log.hpp"

#include "common/log/logging.hpp"

namespace policyd::outage {

void OutageLog::Failed(std::string_view name, std::string_view reason, Milliseconds now) {
    auto found = outages_.find(name);
    if (found == outages_.end())
        found = outages_.emplace(std::string(name), Outage{now, now, now, 0, 0}).first;
    Outage& outage = found->second;
    outage.last_failure = now;
    ++outage.failures;
    if (now < outage.next_line) return;
    outage.next_line = now + kRepeatPeriod;
    const std::uint64_t unsaid = outage.failures - outage.logged - 1;
    outage.logged = outage.failures;
    if (unsaid == 0) {
        log::Warning("unavailable: {}: {}", name, reason);
    } else {
        log::Warning("unavailable: {}: {} ({} more failures since the last warning)", name, reason,
                     unsaid);
    }
}

void OutageLog::Answered(std::string_view name, Milliseconds now) {
    if (outages_.empty()) return;
    const auto found = outages_.find(name);
    if (found == outages_.end() || now - found->second.last_failure < quiet_time_) return;
    const Outage& outage = found->second;
    log::Warning(
        "back again: {}: failed {} times in {} s", name, outage.failures,
        std::chrono::ceil<std::chrono::seconds>(outage.last_failure - outage.began).count());
    outages_.erase(found);
}

}  // namespace policyd::outage
