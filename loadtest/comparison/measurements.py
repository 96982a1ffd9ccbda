"""Runs policyd-load against each server in turn."""

import json
import math
import os
import statistics
import subprocess

from comparison.processes import say

KEEP_S = 3600


def _load(options, arguments, json_path, cpus):
    """Returns what policyd-load measured, and whether every reply was right."""
    command = [os.path.join(options.bin, "policyd-load"), *arguments, "--quiet", "--json",
               json_path]

    def pin():
        if cpus:
            os.sched_setaffinity(0, cpus)

    done = subprocess.run(command, capture_output=True, text=True, timeout=KEEP_S, preexec_fn=pin)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    with open(json_path, encoding="utf-8") as file:
        return json.load(file), done.returncode == 0


class _Generator:
    def __init__(self, options, scratch, cpus):
        self._options = options
        self._scratch = scratch
        self._cpus = cpus

    def run(self, measured, seed, extra, work=None, recipients=None):
        arguments = [*(work or measured.row.work), "--server", measured.endpoint,
                     "--recipients", f"file:{recipients or self._scratch.file('recipients')}",
                     "--seed", str(seed), "--time-limit", "60", *extra]
        result, is_right = _load(self._options, arguments, self._scratch.file("run.json"),
                                 self._cpus)
        if not is_right:
            say(f"WRONG: {measured.row.title}: {json.dumps(result['faults'])}")
        return result, is_right

    def measure(self, measured, seed, extra):
        pids = ",".join(map(str, measured.server.pids))
        connections = str(self._options.connections)
        result, is_right = self.run(
            measured, seed, ["--connections", connections, "--server-pid", pids, "--duration",
                             str(self._options.duration), *extra])
        if "server" not in result:
            raise RuntimeError(f"{measured.row.title}: {result['server_gone']} any more")
        return result, is_right


def _check_verdicts(generator, measured, scratch):
    """Who is compared must decide, not only answer: an unknown recipient and a full mailbox."""
    back_ends = measured.server.back_ends
    judged = scratch.write("judged", f"{back_ends.full} reject\nnobody@d0.load.example reject\n"
                           f"{back_ends.addresses[0]} dunno\n")
    _, is_right = generator.run(measured, 1, ["--requests", "30", "--warm-up", "0",
                                              "--connections", "3"], ["steady"], judged)
    return is_right


def _fill(generator, measured, options):
    """Every mailbox, so that the tables are remembered and the store knows the mailboxes."""
    extra = ["--requests", str(options.mailboxes), "--warm-up", "0", "--connections", "50"]
    for number in range(1, measured.row.fills + 1):
        generator.run(measured, number, extra, ["newcomers"])


def measure(all_measured, options, scratch):
    supervisor = all_measured[0].server.supervisor
    generator = _Generator(options, scratch, supervisor.generator_cpus)
    filled = set()
    for measured in all_measured:
        if measured.row.fills and measured.server.name not in filled:
            filled.add(measured.server.name)
            say(f"filling {measured.server.name}")
            _fill(generator, measured, options)
        if measured.row.judges and not _check_verdicts(generator, measured, scratch):
            measured.is_right = False
    for number in range(1, options.rounds + 1):
        say(f"round {number} of {options.rounds}")
        for measured in all_measured:
            extra = ["--warm-up", "0.5"]
            if measured.row.is_cold:
                measured.server.restart()
                extra = ["--warm-up", "0.2"]
            result, is_right = generator.measure(measured, number, extra)
            measured.runs.append(result)
            measured.is_right &= is_right
    if options.half_rate:
        _measure_half_rates(generator, all_measured, options)
    return all_measured


def _measure_half_rates(generator, all_measured, options):
    """In rounds, too: whatever holds the machine up for a hundredth of one run is its p99. A number
    of requests and not a time: where the machine has become too slow for the rate, all of them are
    answered late, and none is left out of the figures."""
    warm_up = 0.5
    for number in range(1, options.rounds + 1):
        say(f"half of each rate, round {number} of {options.rounds}")
        for measured in all_measured:
            rate = statistics.median(run["answers_per_s"] for run in measured.runs)
            if rate == 0:
                continue
            if measured.row.is_cold:
                measured.server.restart()
            requests = math.ceil(rate / 2 * (warm_up + options.duration))
            result, is_right = generator.measure(
                measured, options.rounds + number,
                ["--warm-up", str(warm_up), "--rate", str(rate / 2), "--requests", str(requests)])
            measured.half_rate.append(result)
            measured.is_right &= is_right
