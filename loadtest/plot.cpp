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

std::string Commands(const std::string& prefix, const std::string& title) {
    std::string text = "set terminal svg size 900,500 background 'white'\nset grid\n";
    text += "set title " + Quoted(title) + " noenhanced\n";
    text += "set output " + Quoted(prefix + "-latency.svg") + "\n";
    text +=
        "set logscale xy\nset xlabel 'percentile'\nset ylabel 'latency in ms'\nset key off\n"
        "set xtics ('0' 1, '50' 2, '90' 10, '99' 100, '99.9' 1000, '99.99' 10000, "
        "'99.999' 100000)\n";
    text += "plot " + Quoted(prefix + "-latency.dat") + " using 1:2 with lines linewidth 2\n";
    text += "set output " + Quoted(prefix + "-rate.svg") + "\n";
    text +=
        "unset logscale x\nset xtics autofreq\nset xlabel 'seconds'\n"
        "set ylabel 'answers a second'\nunset logscale y\nset xrange [0:*]\nset yrange [0:*]\n"
        "set y2label 'latency in ms'\nset y2tics\nset logscale y2\nset key on\n";
    const std::string data = Quoted(prefix + "-rate.dat");
    text += "plot " + data + " using 1:2 title 'answers a second' with linespoints, " + data +
            " using 1:3 axes x1y2 title 'p50' with linespoints, " + data +
            " using 1:4 axes x1y2 title 'p99' with linespoints\n";
    return text;
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
    WriteFile(prefix + "-latency.dat", LatencyData(result.tally.Latency()));
    WriteFile(prefix + "-rate.dat", RateData(result.tally));
    const std::string title =
        fmt::format("{}, {} connections, {} loop", options.scenario, result.connected,
                    result.is_open_loop ? "open" : "closed");
    WriteFile(prefix + ".gnuplot", Commands(prefix, title));
    RunGnuplot(prefix + ".gnuplot");
}

}  // namespace policyd::loadtest
