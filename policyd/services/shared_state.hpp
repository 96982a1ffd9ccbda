#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "common/usage/recent_reservations.hpp"
#include "policyd/checks/changed_mailboxes.hpp"
#include "policyd/checks/message_tracker.hpp"
#include "policyd/checks/owed_changes.hpp"
#include "policyd/checks/site_average.hpp"
#include "policyd/services/command_runner.hpp"

namespace policyd::services {

/// What the services of all threads of a process share, and a reload keeps.
struct SharedState {
    /// Messages that are under way at one time on a large site, and how long a slow client may take
    /// from its first RCPT to the end of its data.
    checks::MessageTracker messages{100'000, std::chrono::hours(1)};
    checks::OwedChanges owed{100'000};
    const std::shared_ptr<usage::RecentReservations> recent =
        std::make_shared<usage::RecentReservations>();
    checks::ChangedMailboxes changed;
    checks::SiteAverage average;
    CommandRunner commands;
};

}  // namespace policyd::services
