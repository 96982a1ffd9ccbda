#include "policyd/scanner/scan_metrics.hpp"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "common/files/shared_file.hpp"
#include "policyd/scanner/store_files.hpp"

namespace policyd::scanner {

namespace {

struct Row {
    const char* name;
    const char* kind;
    const char* help;
    double (*value)(const ScanMetrics&);
};

double Number(std::uint64_t value) {
    return static_cast<double>(value);
}

double MostMemory() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return Number(static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
}

using M = ScanMetrics;

constexpr Row kRows[] = {
    {"mailboxes", "gauge", "Mailboxes found.", [](const M& m) { return Number(m.last.mailboxes); }},
    {"directories", "gauge", "Directories new and cur found.",
     [](const M& m) { return Number(m.last.directories); }},
    {"messages", "gauge", "Messages in all mailboxes.",
     [](const M& m) { return Number(m.last.messages); }},
    {"bytes", "gauge", "Bytes of all messages.", [](const M& m) { return Number(m.last.bytes); }},
    {"incomplete_mailboxes", "gauge", "Mailboxes with places that cannot be read or do not count.",
     [](const M& m) { return Number(m.last.partial); }},
    {"unreadable_directories", "gauge", "Directories above mailboxes that cannot be read.",
     [](const M& m) { return Number(m.last.unreadable_places); }},
    {"withheld_removals", "gauge",
     "Mailboxes that are gone by all appearances, but not believed to be: not 0 is an alarm.",
     [](const M& m) { return Number(m.last.withheld); }},
    {"last_duration_seconds", "gauge", "How long the last scan of everything took.",
     [](const M& m) { return std::chrono::duration<double>(m.last.duration).count(); }},
    {"last_ended_seconds", "gauge", "When it ended, in seconds since 1970.",
     [](const M& m) { return Number(m.last_ended.time_since_epoch().count()) / 1000; }},
    {"scans_total", "counter", "Scans of everything.", [](const M& m) { return Number(m.sweeps); }},
    {"failures_total", "counter", "Scans that the mail store or the usage store did not allow.",
     [](const M& m) { return Number(m.failures); }},
    {"directories_looked_at_total", "counter", "Directories asked whether they have changed.",
     [](const M& m) { return Number(m.totals.work.directories_looked_at); }},
    {"directories_read_total", "counter", "Directories read.",
     [](const M& m) { return Number(m.totals.work.directories_read); }},
    {"messages_read_total", "counter", "Messages counted while reading directories.",
     [](const M& m) { return Number(m.totals.work.messages_read); }},
    {"files_asked_total", "counter", "Messages whose files had to be asked for their size.",
     [](const M& m) { return Number(m.totals.work.files_asked); }},
    {"entries_skipped_total", "counter", "Entries that are no messages.",
     [](const M& m) { return Number(m.totals.work.skipped); }},
    {"committed_total", "counter", "Measurements brought into the usage store.",
     [](const M& m) { return Number(m.committed); }},
    {"removed_total", "counter", "Mailboxes whose entries were removed.",
     [](const M& m) { return Number(m.totals.removed); }},
    {"drifted_total", "counter",
     "Mailboxes, and domains, that a verification found wrong, in what was known or in the usage "
     "store.",
     [](const M& m) { return Number(m.totals.drifted); }},
    {"waiting", "gauge", "Measurements that the usage store has not taken yet.",
     [](const M& m) { return Number(m.waiting); }},
    {"max_resident_bytes", "gauge", "The most memory that policyd-scan has had.",
     [](const M&) { return MostMemory(); }},
    {"live_measured_total", "counter", "Mailboxes measured because something changed in them.",
     [](const M& m) { return Number(m.remeasured); }},
    {"live_lost_total", "counter", "How often events were lost and everything was looked at.",
     [](const M& m) { return Number(m.times_lost); }},
};

[[noreturn]] void Fail(const std::string& path) {
    throw std::system_error(errno, std::generic_category(), path);
}

}  // namespace

void ScanMetrics::Add(const ScanReport& report, Scanner::Scope scope) {
    if (scope == Scanner::Scope::kAll) {
        last = report;
        last_ended = text::SystemWallTime();
        ++sweeps;
    } else {
        last.withheld = report.withheld;
    }
}

std::string ScanMetrics::Text() const {
    std::string text;
    for (const Row& row : kRows)
        text += fmt::format(
            "# HELP policyd_scan_{0} {1}\n# TYPE policyd_scan_{0} {2}\n"
            "policyd_scan_{0} {3}\n",
            row.name, row.help, row.kind, row.value(*this));
    text += fmt::format(
        "# HELP policyd_scan_live How changes are noticed between scans.\n"
        "# TYPE policyd_scan_live gauge\npolicyd_scan_live{{method=\"{}\"}} 1\n",
        live);
    return text;
}

void WriteMetricsFile(const std::string& path, const ScanMetrics& metrics) {
    const std::string temporary = path + ".new";
    const std::string text = metrics.Text();
    // What a crash left, or somebody put there: root must not write, or give away, another's file.
    unlink(temporary.c_str());
    const Descriptor file(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file) Fail(temporary);
    try {
        files::ShareAsItsDirectory(file.Get(), temporary);
        const ssize_t written = write(file.Get(), text.data(), text.size());
        if (written >= 0 && written != static_cast<ssize_t>(text.size())) errno = ENOSPC;
        if (written != static_cast<ssize_t>(text.size())) Fail(temporary);
        if (rename(temporary.c_str(), path.c_str()) != 0) Fail(path);
    } catch (...) {
        unlink(temporary.c_str());
        throw;
    }
}

}  // namespace policyd::scanner
