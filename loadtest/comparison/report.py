"""Prints medians, spreads and ratios."""

import json
import os
import platform
import statistics

MOST_OF_BARE_LATENCY = 1.5  # at half of the saturating rate


def _values(measured, get):
    return [get(run) for run in measured.runs]


def _per_cpu(run):
    return run["server"]["answers_per_cpu_s"] or 0


def _median_per_cpu(measured):
    return statistics.median(_values(measured, _per_cpu))


def _spread(values):
    """Half of the distance between the quartiles, in percent of the median."""
    median = statistics.median(values)
    if len(values) < 2 or not median:
        return 0
    quartiles = statistics.quantiles(values, n=4, method="inclusive")
    return 100 * (quartiles[2] - quartiles[0]) / 2 / median


def _times(per_cpu, other):
    """None where there is no other, or it ran too short to have used any CPU time."""
    others = _median_per_cpu(other) if other else 0
    return per_cpu / others if others else None


def _rate(measured):
    return statistics.median(_values(measured, lambda run: run["answers_per_s"]))


def _latency(run, percentile):
    return run["latency_us"][percentile] / 1000


def _ratio(value, promised):
    if value is None:
        return ""
    text = f"{value:.0f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"
    if not promised:
        return text
    return f"{text} ({'>=' if value >= promised else 'BELOW'} {promised:g})"


def _machine():
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def _line(measured, by_key):
    row = measured.row
    mine = _median_per_cpu(measured)
    yardstick = by_key.get(row.yardstick)
    of_bare = _times(mine, yardstick)
    if row.by_rate and yardstick:
        of_bare = _rate(measured) / _rate(yardstick)
    of_dovecot = _times(mine, by_key.get("dovecot") if row.times_dovecot else None)
    cells = [
        row.title + ("" if measured.is_right else " (WRONG)"),
        f"{mine:,.0f}",
        f"{_spread(_values(measured, _per_cpu)):.1f} %",
        _ratio(of_bare, row.at_least),
        _ratio(of_dovecot, row.times_dovecot),
        f"{_rate(measured):,.0f}",
        f"{statistics.median(_values(measured, lambda run: _latency(run, 'p50'))):.2f}",
        f"{statistics.median(_values(measured, lambda run: _latency(run, 'p99'))):.2f}",
        f"{statistics.median(_values(measured, lambda run: run['server']['rss'])) / 1e6:,.0f}",
    ]
    if measured.half_rate:
        cells.append(_half_rate(measured, by_key.get(row.bare)))
    return cells


def _half_rate(measured, responder):
    def p99(of):
        return statistics.median(_latency(run, "p99") for run in of.half_rate)

    text = f"{p99(measured):.2f}"
    bare = p99(responder) if responder and responder.half_rate else 0
    if not bare or measured is responder:
        return text
    ratio = p99(measured) / bare
    if not measured.row.keeps_latency:
        return f"{text} ({ratio:.2f})"
    return f"{text} ({ratio:.2f}, {'<=' if ratio <= MOST_OF_BARE_LATENCY else 'ABOVE'} " \
           f"{MOST_OF_BARE_LATENCY:g})"


def show(results, options):
    by_key = {measured.row.key: measured for measured in results}
    header = ["server and work", "req/CPU-s", "spread", "of bare", "x Dovecot", "req/s", "p50 ms",
              "p99 ms", "RSS MB"]
    if options.half_rate:
        header.append("p99 ms at half rate (of bare)")
    lines = [header] + [_line(measured, by_key) for measured in results]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    print(f"{options.connections} connections, {options.mailboxes:,} mailboxes, "
          f"{options.rounds} interleaved rounds of {options.duration:g} s, {_machine()}\n")
    for number, line in enumerate(lines):
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        print("| " + " | ".join(cells) + " |")
        if number == 0:
            print("|" + "|".join(("-" if i == 0 else "-") * (width + 1) + ("-" if i == 0 else ":")
                                 for i, width in enumerate(widths)) + "|")
    others = [run["other_cpu_s"] / run["measured_s"] for measured in results
              for run in measured.runs + measured.half_rate]
    print(f"\nMedians of the rounds. Requests per CPU second count all processes in the path "
          f"(server, Redis, MariaDB).\nOther processes used {statistics.median(others):.2f} CPUs "
          f"meanwhile (at most {max(others):.2f}).")


def write_json(results, options):
    document = {"machine": _machine(), "connections": options.connections,
                "mailboxes": options.mailboxes, "duration_s": options.duration,
                "rows": [{"key": measured.row.key, "title": measured.row.title,
                          "is_right": measured.is_right, "runs": measured.runs,
                          "half_rate": measured.half_rate} for measured in results]}
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
