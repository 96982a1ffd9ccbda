#pragma once

#include <span>
#include <string_view>

namespace policyd::metrics {

/// Every metric of the project; what each means is said once, in metrics.cpp.
enum class Metric {
    kBuildInfo,
    kStartTime,
    kConnections,
    kConnectionsAccepted,
    kAcceptPauses,
    kRequests,
    kRequestsMalformed,
    kRequestsOutOfTime,
    kClientsOutOfTime,
    kVerdicts,
    kRequestDuration,
    kTrackedMessages,
    kRecipientLookups,
    kRecipientsCached,
    kBackEndDown,
    kBackEndErrors,
    kBackEndSpared,
    kBackEndDuration,
    kCheckFailures,
    kReservations,
    kOwedChanges,
    kOwedChangesLost,
    kQuotaWarnings,
    kQuotaWarningCommands,
    kLastScan,
    kReloads,
    kLastReload,
    kLogLinesLost,
    kHeap,
    kCount,
};

enum class Kind { kCounter, kGauge, kHistogram };

/// What there is to know about one metric: the Prometheus text and docs/metrics.md come from the
/// table of these.
struct Definition {
    Metric metric;
    std::string_view name;
    Kind kind;
    std::string_view labels;  ///< names, separated by blanks
    std::string_view help;    ///< one sentence, with the values of the labels where they are few
};

/// In the order of the enumeration.
std::span<const Definition> Definitions();

/// "counter", "gauge" or "histogram".
std::string_view KindName(Kind kind);

}  // namespace policyd::metrics
