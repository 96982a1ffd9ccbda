#include "policyd/checks/site_average.hpp"

#include <utility>

#include "common/outage/unavailable.hpp"

namespace policyd::checks {

namespace {

/// How long an average is taken to stay what it is.
constexpr std::chrono::minutes kAverageTime{10};

}  // namespace

std::optional<std::uint64_t> SiteAverage::Known(Milliseconds now) {
    const std::lock_guard lock(mutex_);
    if (bytes_ && now >= as_of_ + kAverageTime) is_wanted_ = true;
    return bytes_;
}

async::Task<std::uint64_t> SiteAverage::Ask(usage::UsageStore& usage, Clock clock) {
    // What it says may be as old as its beginning.
    const Milliseconds began = clock();
    const usage::Usage site = co_await usage.FindSite();
    const std::uint64_t bytes = site.messages == 0 ? 0 : site.bytes / site.messages;
    const std::lock_guard lock(mutex_);
    bytes_ = bytes;
    as_of_ = began;
    co_return bytes;
}

void SiteAverage::Renew(std::shared_ptr<usage::UsageStore> usage, Clock clock) {
    {
        const std::lock_guard lock(mutex_);
        if (!is_wanted_ || is_renewed_) return;
        is_wanted_ = false;
        is_renewed_ = true;
    }
    async::Spawn(AskAgain(std::move(usage), std::move(clock)));
}

/// Where the store cannot tell, the old one serves on and is soon wanted again.
async::Task<void> SiteAverage::AskAgain(std::shared_ptr<usage::UsageStore> usage, Clock clock) {
    try {
        co_await Ask(*usage, std::move(clock));
    } catch (const outage::UsageStoreUnavailable&) {
    }
    const std::lock_guard lock(mutex_);
    is_renewed_ = false;
}

}  // namespace policyd::checks
