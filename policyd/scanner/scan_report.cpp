#include "policyd/scanner/scan_report.hpp"

#include <spdlog/fmt/fmt.h>

namespace policyd::scanner {

std::string ScanReport::Line() const {
    const double seconds = std::max(std::chrono::duration<double>(duration).count(), 1e-6);
    std::string line = fmt::format(
        "{}: {} mailboxes, {} directories, {} messages, {} bytes; {} directories and {} "
        "messages read, {} files asked, {} entries skipped; {} mailboxes changed, {} committed, {} "
        "removed; {:.3f} s, {:.0f} directories/s, {:.0f} messages/s",
        verified ? "verification" : "scan", mailboxes, directories, messages, bytes,
        work.directories_read, work.messages_read, work.files_asked, work.skipped, changed,
        committed, removed, seconds, static_cast<double>(work.directories_looked_at) / seconds,
        static_cast<double>(work.messages_read) / seconds);
    if (partial > 0) line += fmt::format("; {} mailboxes incomplete", partial);
    if (unreadable_places > 0)
        line += fmt::format("; {} directories above mailboxes unreadable", unreadable_places);
    if (withheld > 0) line += fmt::format("; {} gone but kept", withheld);
    if (not_committed > 0) line += fmt::format("; {} not committed", not_committed);
    if (verified || drifted > 0)
        line += fmt::format(
            "; {} mailboxes were wrong by {} bytes and {} messages, {} wrong in the "
            "usage store",
            drifted, drift.bytes, drift.messages, store_drifted);
    if (not_compared > 0)
        line += fmt::format("; {} not compared, for nothing is remembered of them", not_compared);
    if (interrupted) line += fmt::format("; stopped after {} mailboxes", measured);
    return line;
}

}  // namespace policyd::scanner
