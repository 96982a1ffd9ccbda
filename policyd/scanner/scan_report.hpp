#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "policyd/scanner/mailbox_meter.hpp"

namespace policyd::scanner {

/// What a sweep over the mail store did and found.
struct ScanReport {
    std::uint64_t mailboxes = 0;
    std::uint64_t measured = 0;     ///< how many of them were looked at this time
    std::uint64_t directories = 0;  ///< `new` and `cur` that are there
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    ScanWork work;
    std::uint64_t changed = 0;
    std::uint64_t committed = 0;
    std::uint64_t not_committed = 0;  ///< measured, but the store would not take them
    std::uint64_t removed = 0;
    std::uint64_t withheld = 0;           ///< gone by all appearances, but not believed
    std::uint64_t partial = 0;            ///< mailboxes of which not all could be counted
    std::uint64_t unreadable_places = 0;  ///< directories above mailboxes
    std::uint64_t drifted = 0;            ///< mailboxes whose figures were wrong
    Drift drift;
    std::uint64_t not_compared = 0;   ///< mailboxes of which nothing is remembered
    std::uint64_t store_drifted = 0;  ///< mailboxes and domains of which the store was wrong
    bool verified = false;            ///< everything was read
    bool interrupted = false;
    std::chrono::nanoseconds duration{0};

    /// One line: what was done, found and how fast.
    std::string Line() const;
};

/// Of all sweeps and of what was measured between them.
struct ScanTotals {
    ScanWork work;
    std::uint64_t drifted = 0;
    std::uint64_t removed = 0;
};

/// What a scanner and its parts count as they go.
struct ScanTally {
    ScanReport sweep;  ///< that is going on, or the last one
    ScanTotals all;
};

}  // namespace policyd::scanner
