#include <fmt/format.h>

#include "loadtest/report.hpp"

namespace policyd::loadtest {

namespace {

/// In seconds: what was sent in the end and is answered a little later is worth no line.
constexpr double kLate = 0.1;

std::string Milliseconds(LatencyHistogram::Duration time) {
    const double ms = std::chrono::duration<double, std::milli>(time).count();
    return fmt::format("{:.{}f}", ms, ms < 10 ? 3 : ms < 1000 ? 1 : 0);
}

std::string Megabytes(std::uint64_t bytes) {
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

/// 1234567 as 1,234,567.
std::string Grouped(double number) {
    std::string digits = fmt::format("{:.0f}", number);
    for (std::size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
    return digits;
}

std::string Latencies(std::string_view name, const LatencyHistogram& latency) {
    std::string line =
        fmt::format("  {:<15}{:>11}", name, Grouped(static_cast<double>(latency.Count())));
    for (const double percent : {50.0, 90.0, 99.0, 99.9})
        line += fmt::format("{:>10}", Milliseconds(latency.Percentile(percent)));
    return line + fmt::format("{:>10}\n", Milliseconds(latency.Max()));
}

std::string LatencyTable(const Tally& tally) {
    std::string text = fmt::format("  {:<15}{:>11}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
                                   "latency in ms", "answers", "p50", "p90", "p99", "p99.9", "max");
    if (tally.Kinds().size() > 1)
        for (const auto& [name, kind] : tally.Kinds()) text += Latencies(name, kind.latency);
    return text + Latencies("all", tally.Latency());
}

std::string Verdicts(const Tally& tally) {
    std::string text;
    for (const auto& [name, kind] : tally.Kinds()) {
        text += fmt::format("  {:<15}", name);
        for (const Verdict verdict : kVerdicts)
            if (const auto count = kind.verdicts[static_cast<std::size_t>(verdict)])
                text += fmt::format(" {} {}", VerdictName(verdict),
                                    Grouped(static_cast<double>(count)));
        text += '\n';
    }
    if (tally.Messages() > 0)
        text += fmt::format("  messages        {} accepted in all, {}\n",
                            Grouped(static_cast<double>(tally.Messages())),
                            Megabytes(tally.MessageBytes()));
    return text;
}

std::string Server(const Result& result) {
    const ProcessUsage& before = result.server_before;
    const ProcessUsage& after = result.server_after;
    if (!result.server_gone.empty())
        return fmt::format("  server          {} any more\n", result.server_gone);
    if (after.processes == 0) return {};
    const double cpu = after.cpu_s - before.cpu_s;
    const auto answers = static_cast<double>(result.tally.InTime());
    std::string text = fmt::format("  server          {:.2f} CPU seconds", cpu);
    if (cpu > 0 && answers > 0)
        text += fmt::format(", {:.2f} us for each answer, {} answers for each CPU second",
                            cpu / answers * 1e6, Grouped(answers / cpu));
    text += fmt::format("\n  memory          {} (PSS {}), {:+.1f} MB meanwhile\n",
                        Megabytes(after.rss), after.pss ? Megabytes(after.pss) : "unknown",
                        (static_cast<double>(after.rss) - static_cast<double>(before.rss)) / 1e6);
    return text;
}

std::string Machine(const Result& result) {
    const double own = result.machine_after.own_s - result.machine_before.own_s;
    const double busy = result.machine_after.busy_s - result.machine_before.busy_s;
    const double server = result.server_after.cpu_s - result.server_before.cpu_s;
    return fmt::format("  machine         {:.2f} CPU seconds here, {:.2f} elsewhere\n", own,
                       std::max(busy - own - server, 0.0));
}

std::string Faults(const Result& result) {
    const Tally& tally = result.tally;
    std::string text;
    if (result.last_answer_s >= kLate)
        text += fmt::format(
            "  late            {} answers after the measured time, the last one {:.1f} s\n",
            Grouped(static_cast<double>(tally.Late())), result.last_answer_s);
    if (result.overdue > 0)
        text += fmt::format("  not sent        {} were due, but every connection was busy\n",
                            Grouped(static_cast<double>(result.overdue)));
    for (const auto& [reason, count] : tally.NotAnswered())
        text +=
            fmt::format("  NOT ANSWERED    {}: {}\n", Grouped(static_cast<double>(count)), reason);
    if (tally.Malformed() > 0)
        text +=
            fmt::format("  MALFORMED       {}\n", Grouped(static_cast<double>(tally.Malformed())));
    if (tally.Unexpected() > 0)
        text +=
            fmt::format("  NOT AS EXPECTED {}\n", Grouped(static_cast<double>(tally.Unexpected())));
    for (const std::string& example : tally.Examples()) text += "    " + example + '\n';
    return text;
}

}  // namespace

bool AllRight(const Result& result) {
    return result.tally.Faults() == 0 && result.tally.Answered() > 0;
}

std::string Summary(const Options& options, const Result& result) {
    const auto answers = static_cast<double>(result.tally.InTime());
    const double rate = result.measured_s > 0 ? answers / result.measured_s : 0;
    std::string text =
        fmt::format("{}, {} connections, {}, {:.1f} s: {} answers a second\n", options.scenario,
                    result.connected, result.is_open_loop ? "open loop" : "closed loop",
                    result.measured_s, Grouped(rate));
    text += LatencyTable(result.tally);
    text += Verdicts(result.tally);
    text += Server(result);
    text += Machine(result);
    text += Faults(result);
    return text;
}

std::string ProgressLine(const Tally& tally) {
    const Interval& last = tally.Intervals().back();
    return fmt::format(
        "{:4.0f} s {:>10} /s   p50 {} ms   p99 {} ms   max {} ms   {} faults",
        last.begins_s + last.lasts_s, Grouped(static_cast<double>(last.answered) / last.lasts_s),
        Milliseconds(last.p50), Milliseconds(last.p99), Milliseconds(last.max), tally.Faults());
}

}  // namespace policyd::loadtest
