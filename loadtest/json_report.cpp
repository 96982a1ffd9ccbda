#include "loadtest/json_writer.hpp"
#include "loadtest/report.hpp"
#include "loadtest/scenario_list.hpp"

namespace policyd::loadtest {

namespace {

double Microseconds(LatencyHistogram::Duration time) {
    return std::chrono::duration<double, std::micro>(time).count();
}

void WriteLatency(JsonWriter& json, const LatencyHistogram& latency) {
    json.Key("latency_us").Begin('{');
    json.Key("mean").Value(Microseconds(latency.Mean()));
    json.Key("p50").Value(Microseconds(latency.Percentile(50)));
    json.Key("p90").Value(Microseconds(latency.Percentile(90)));
    json.Key("p99").Value(Microseconds(latency.Percentile(99)));
    json.Key("p99.9").Value(Microseconds(latency.Percentile(99.9)));
    json.Key("max").Value(Microseconds(latency.Max()));
    json.End();
}

void WriteKinds(JsonWriter& json, const Tally& tally) {
    json.Key("kinds").Begin('{');
    for (const auto& [name, kind] : tally.Kinds()) {
        json.Key(name).Begin('{').Key("answers").Value(kind.latency.Count());
        WriteLatency(json, kind.latency);
        json.Key("verdicts").Begin('{');
        for (const Verdict verdict : kVerdicts)
            json.Key(VerdictName(verdict)).Value(kind.verdicts[static_cast<std::size_t>(verdict)]);
        json.End().End();
    }
    json.End();
}

void WriteFaults(JsonWriter& json, const Tally& tally) {
    json.Key("faults").Begin('{');
    json.Key("malformed").Value(tally.Malformed());
    json.Key("unexpected").Value(tally.Unexpected());
    json.Key("not_answered").Begin('{');
    for (const auto& [reason, count] : tally.NotAnswered()) json.Key(reason).Value(count);
    json.End().Key("examples").Begin('[');
    for (const std::string& example : tally.Examples()) json.Value(example);
    json.End().End();
}

void WriteUsage(JsonWriter& json, const Result& result) {
    const double own = result.machine_after.own_s - result.machine_before.own_s;
    const double busy = result.machine_after.busy_s - result.machine_before.busy_s;
    const double server = result.server_after.cpu_s - result.server_before.cpu_s;
    json.Key("generator_cpu_s").Value(own);
    json.Key("other_cpu_s").Value(std::max(busy - own - server, 0.0));
    if (!result.server_gone.empty()) json.Key("server_gone").Value(result.server_gone);
    if (result.server_after.processes == 0) return;
    const auto answers = static_cast<double>(result.tally.InTime());
    json.Key("server").Begin('{');
    json.Key("processes").Value(result.server_after.processes);
    json.Key("cpu_s").Value(server);
    json.Key("answers_per_cpu_s").Value(answers / server);
    json.Key("cpu_us_per_answer").Value(server / answers * 1e6);
    json.Key("rss_before").Value(result.server_before.rss);
    json.Key("rss").Value(result.server_after.rss);
    json.Key("pss").Value(result.server_after.pss);
    json.End();
}

void WriteIntervals(JsonWriter& json, const Tally& tally) {
    json.Key("intervals").Begin('[');
    for (const Interval& interval : tally.Intervals()) {
        json.Begin('{');
        json.Key("begins_s").Value(interval.begins_s);
        json.Key("lasts_s").Value(interval.lasts_s);
        json.Key("answers").Value(interval.answered);
        json.Key("faults").Value(interval.faults);
        json.Key("p50_us").Value(Microseconds(interval.p50));
        json.Key("p99_us").Value(Microseconds(interval.p99));
        json.Key("max_us").Value(Microseconds(interval.max));
        json.End();
    }
    json.End();
}

}  // namespace

std::string JsonReport(const Options& options, const Result& result) {
    const Tally& tally = result.tally;
    JsonWriter json;
    json.Begin('{');
    json.Key("scenario").Value(options.scenario);
    json.Key("server_endpoint").Value(options.*FindScenario(options.scenario)->server);
    json.Key("seed").Value(options.seed);
    json.Key("connections").Value(result.connected);
    json.Key("loop").Value(result.is_open_loop ? "open" : "closed");
    json.Key("measured_s").Value(result.measured_s);
    json.Key("answers").Value(tally.Answered());
    json.Key("answers_per_s").Value(static_cast<double>(tally.InTime()) / result.measured_s);
    json.Key("late_answers").Value(tally.Late());
    json.Key("last_answer_s").Value(result.last_answer_s);
    json.Key("overdue").Value(result.overdue);
    json.Key("messages").Value(tally.Messages());
    json.Key("message_bytes").Value(tally.MessageBytes());
    WriteLatency(json, tally.Latency());
    WriteKinds(json, tally);
    WriteFaults(json, tally);
    WriteUsage(json, result);
    WriteIntervals(json, tally);
    return json.End().Text();
}

}  // namespace policyd::loadtest
