#include "common/outage/outage_log.hpp"

#include <algorithm>

#include "common/log/logging.hpp"

namespace policyd::outage {

void OutageLog::Failed(std::string_view name, std::string_view reason, Milliseconds now,
                       std::size_t most_reasons) {
    if (telling_ == Telling::kNobody) return;
    auto found = outages_.find(name);
    if (found == outages_.end())
        found = outages_.emplace(std::string(name), Outage{now, now, now, 0, 0, {}}).first;
    Outage& outage = found->second;
    outage.last_failure = now;
    ++outage.failures;
    auto& said = outage.reasons;
    if (now >= outage.next_line) {
        outage.next_line = now + kRepeatPeriod;
        said.clear();
    } else if (said.size() >= most_reasons ||
               std::find(said.begin(), said.end(), reason) != said.end()) {
        return;
    }
    said.emplace_back(reason);
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
    SayEnd("back again", name, found->second);
    outages_.erase(found);
}

OutageLog::~OutageLog() {
    for (const auto& [name, outage] : outages_) SayEnd("no longer asked", name, outage);
}

void OutageLog::SayEnd(std::string_view what, std::string_view name, const Outage& outage) {
    log::Warning(
        "{}: {}: failed {} times in {} s", what, name, outage.failures,
        std::chrono::ceil<std::chrono::seconds>(outage.last_failure - outage.began).count());
}

}  // namespace policyd::outage
