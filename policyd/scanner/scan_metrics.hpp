#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/text/clock.hpp"
#include "policyd/scanner/scan_report.hpp"
#include "policyd/scanner/scanner.hpp"

namespace policyd::scanner {

/// What policyd-scan tells a monitoring system: the last sweep, and counters since its start.
struct ScanMetrics {
    ScanReport last;  ///< the last sweep over everything
    text::WallTime last_ended{};
    std::uint64_t sweeps = 0;
    std::uint64_t failures = 0;  ///< sweeps that could not be made
    ScanTotals totals;
    std::uint64_t committed = 0;
    std::uint64_t waiting = 0;  ///< measured, not yet taken by the usage store
    std::string_view live = "off";
    std::uint64_t remeasured = 0;
    std::uint64_t times_lost = 0;

    void Add(const ScanReport& report, Scanner::Scope scope);
    /// In the text format of Prometheus, with the help that explains each.
    std::string Text() const;
};

/// Replaces the file as a whole. Throws std::system_error.
void WriteMetricsFile(const std::string& path, const ScanMetrics& metrics);

}  // namespace policyd::scanner
