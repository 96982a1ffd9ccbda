#include "loadtest/plot.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <fstream>
#include <stdexcept>

extern char** environ;

namespace policyd::loadtest {

namespace {

double Milliseconds(LatencyHistogram::Duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

void WriteFile(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path);
}

/// Columns: one in how many requests is slower, milliseconds, percent.
std::string LatencyData(const LatencyHistogram& latency) {
    std::string text = "# one_in latency_ms percent\n";
    for (const LatencyHistogram::Point& point : latency.Distribution()) {
        if (point.percent >= 100) break;  // nothing is slower: it has no place on this scale
        text += fmt::format("{:.6g} {:.6g} {:.8g}\n", 100 / (100 - point.percent),
                            Milliseconds(point.latency), point.percent);
    }
    return text + fmt::format("{} {:.6g} 100\n", latency.Count(), Milliseconds(latency.Max()));
}

std::string RateData(const Tally& tally) {
    std::string text = "# second answers_per_s p50_ms p99_ms faults\n";
    for (const Interval& interval : tally.Intervals())
        text +=
            fmt::format("{:.3f} {:.1f} {:.6g} {:.6g} {}\n", interval.begins_s + interval.lasts_s,
                        static_cast<double>(interval.answered) / interval.lasts_s,
                        Milliseconds(interval.p50), Milliseconds(interval.p99), interval.faults);
    return text;
}

/// Single quotes, in which gnuplot takes everything for itself but the quote.
std::string Quoted(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    return quoted + '\'';
}

std::string LatencyCommands(const std::string& prefix) {
    return "set output " + Quoted(prefix + "-latency.svg") +
           "\nset logscale xy\nset xlabel 'percentile'\nset ylabel 'latency in ms'\nset key off\n"
           "set xtics ('0' 1, '50' 2, '90' 10, '99' 100, '99.9' 1000, '99.99' 10000, "
           "'99.999' 100000)\n"
           "plot " +
           Quoted(prefix + "-latency.dat") +
           " using 1:2 with lines linewidth 2\n"
           "unset logscale x\nset xtics autofreq\nunset logscale y\n";
}

std::string RateCommands(const std::string& prefix, const Tally& tally) {
    const std::string data = Quoted(prefix + "-rate.dat");
    std::string text = "set output " + Quoted(prefix + "-rate.svg") +
                       "\nset xlabel 'seconds'\nset ylabel 'answers a second'\nset xrange [0:*]\n"
                       "set yrange [0:*]\nset key on\n";
    std::string curves = data + " using 1:2 title 'answers a second' with linespoints";
    if (tally.InTime() > 0) {
        text += "set y2label 'latency in ms'\nset y2tics\nset logscale y2\n";
        curves += ", " + data + " using 1:3 axes x1y2 title 'p50' with linespoints, " + data +
                  " using 1:4 axes x1y2 title 'p99' with linespoints";
    }
    return text + "plot " + curves + "\n";
}

/// On a logarithmic scale no latency has no place, and gnuplot draws nothing then.
std::string Commands(const std::string& prefix, const std::string& title, const Tally& tally) {
    std::string text = "set terminal svg size 900,500 background 'white'\nset grid\n";
    text += "set title " + Quoted(title) + " noenhanced\n";
    if (tally.Answered() > 0) text += LatencyCommands(prefix);
    return text + RateCommands(prefix, tally);
}

void RunGnuplot(std::string script) {
    std::string program = "gnuplot";
    char* arguments[] = {program.data(), script.data(), nullptr};
    pid_t pid = 0;
    if (posix_spawnp(&pid, "gnuplot", nullptr, nullptr, arguments, environ) != 0)
        throw std::runtime_error("cannot run gnuplot (package gnuplot-nox)");
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        throw std::runtime_error("gnuplot could not draw " + script);
}

}  // namespace

void Plot(const std::string& prefix, const Options& options, const Result& result) {
    const Tally& tally = result.tally;
    if (tally.Intervals().empty()) return;
    if (tally.Answered() > 0) WriteFile(prefix + "-latency.dat", LatencyData(tally.Latency()));
    WriteFile(prefix + "-rate.dat", RateData(tally));
    const std::string title =
        fmt::format("{}, {} connections, {} loop", options.scenario, result.connected,
                    result.is_open_loop ? "open" : "closed");
    WriteFile(prefix + ".gnuplot", Commands(prefix, title, tally));
    RunGnuplot(prefix + ".gnuplot");
}

}  // namespace policyd::loadtest
