#include "common/metrics/metrics.hpp"

#include <algorithm>
#include <iterator>

namespace policyd::metrics {
namespace {

using enum Metric;
using enum Kind;

constexpr Definition kDefinitions[] = {
    {kBuildInfo, "policyd_build_info", kGauge, "version", "Always 1; the version is a label."},
    {kStartTime, "policyd_start_time_seconds", kGauge, "",
     "When the process began, in seconds since 1970."},
    {kConnections, "policyd_connections", kGauge, "", "Open connections from Postfix."},
    {kConnectionsAccepted, "policyd_connections_accepted_total", kCounter, "",
     "Connections from Postfix that were accepted."},
    {kAcceptPauses, "policyd_accept_pauses_total", kCounter, "",
     "Connections that had to wait to be accepted because max_connections were open."},
    {kRequests, "policyd_requests_total", kCounter, "stage",
     "Requests by Postfix's protocol_state (RCPT, END-OF-MESSAGE and so on; other)."},
    {kRequestsMalformed, "policyd_requests_malformed_total", kCounter, "",
     "Connections closed without an answer because what came was no request."},
    {kRequestsOutOfTime, "policyd_requests_out_of_time_total", kCounter, "",
     "Requests answered after request_time_limit by what is remembered, or by a failure action."},
    {kClientsOutOfTime, "policyd_clients_out_of_time_total", kCounter, "phase",
     "Connections closed because the client was too slow: receiving (no whole request came), "
     "sending (an answer was not taken), idle."},
    {kVerdicts, "policyd_verdicts_total", kCounter, "check reason",
     "Answers by the check that decided and its reason: client_access, unknown_recipient, "
     "deferred_recipient, "
     "mailbox_full, mailbox_full_for_now (soft time), mailbox_perhaps_full, stale_usage, "
     "repeated_recipient, too_many_recipients; remembered_full, unavailable (a failure action), "
     "out_of_time and failure where it could not be told; check none, reason no_opinion is DUNNO."},
    {kRequestDuration, "policyd_request_duration_seconds", kHistogram, "",
     "Time from a request's last byte to its answer."},
    {kTrackedMessages, "policyd_tracked_messages", kGauge, "",
     "Messages whose accepted recipients are remembered until their end."},
    {kRecipientLookups, "policyd_recipient_lookups_total", kCounter, "result",
     "Recipients asked of the cache: hit, miss, or stale (an old answer while tables are down)."},
    {kRecipientsCached, "policyd_recipients_cached", kGauge, "", "Recipients in the caches."},
    {kBackEndDown, "policyd_back_end_down", kGauge, "back_end",
     "Threads that spare the back end now because it does not answer; 0 while all is well."},
    {kBackEndErrors, "policyd_back_end_errors_total", kCounter, "back_end",
     "Questions that the back end did not answer."},
    {kBackEndSpared, "policyd_back_end_spared_total", kCounter, "back_end",
     "Questions that were not put to the back end because it was failing."},
    {kBackEndDuration, "policyd_back_end_duration_seconds", kHistogram, "back_end",
     "Time that the back end took for an answer or an error."},
    {kCheckFailures, "policyd_check_failures_total", kCounter, "check cause",
     "Checks that could not tell: table, usage_store (the back end was unavailable), error, or "
     "end_of_message (of what a message held, after its answer)."},
    {kReservations, "policyd_reservations_total", kCounter, "result",
     "Room asked for in mailboxes: granted, or full."},
    {kOwedChanges, "policyd_owed_changes", kGauge, "",
     "Mail let in, and room to be given back, that the usage store could not be told of yet."},
    {kOwedChangesLost, "policyd_owed_changes_lost_total", kCounter, "",
     "Those of them that were forgotten because too many waited."},
    {kQuotaWarnings, "policyd_quota_warnings_total", kCounter, "direction",
     "Mailboxes that came over a percentage of quota_warnings: over, or fell below it: below."},
    {kQuotaWarningCommands, "policyd_quota_warning_commands_total", kCounter, "result",
     "Runs of quota_warning_command: success, failure, timeout (killed), dropped (never run)."},
    {kLastScan, "policyd_last_scan_timestamp_seconds", kGauge, "",
     "Beginning of the newest measurement that was seen, in seconds since 1970; 0: none yet."},
    {kReloads, "policyd_reloads_total", kCounter, "result", "Reloads: success or failure."},
    {kLastReload, "policyd_last_reload_successful", kGauge, "",
     "0 if the last reload failed and the old configuration stays, 1 otherwise."},
    {kLogLinesLost, "policyd_log_lines_lost_total", kCounter, "",
     "Log lines that were never written: a full queue or a full disk."},
    {kHeap, "policyd_heap_bytes", kGauge, "",
     "Memory that is in use; what malloc keeps for later, as the resident memory has it, is not."},
};

constexpr bool InOrder() {
    std::size_t next = 0;
    for (const Definition& definition : kDefinitions)
        if (static_cast<std::size_t>(definition.metric) != next++) return false;
    return next == static_cast<std::size_t>(kCount);
}
static_assert(InOrder(), "one row for each metric, in the order of the enumeration");

}  // namespace

std::span<const Definition> Definitions() {
    return kDefinitions;
}

std::string_view KindName(Kind kind) {
    switch (kind) {
        case kCounter:
            return "counter";
        case kGauge:
            return "gauge";
        case kHistogram:
            return "histogram";
    }
    return "untyped";
}

}  // namespace policyd::metrics
