"""The longest time without an answer while policyd reloads big tables, or forgets what it knows.

Asked in an open loop at a low rate, in turn with and without: the machine makes pauses, too. What
the threads that answer spend on it while nobody asks tells more where other work is under way:
they are held up for no longer than that.
"""

import os
import time

from comparison.processes import say
from growing import site as sites
from growing.table import Row, at_most, median

RATE = 2000
CONNECTIONS = 20
BOUND_MS = 5
MARGIN = 4  # how much longer it may take under load than without
SETTLE_S = 0.5
COMMANDS = ("reload", "flush")


def measure(site):
    mailboxes, networks = site.options.most_mailboxes, site.options.most_networks
    first = ["nice", "-n", "-15"] if os.geteuid() == 0 else []
    redis = sites.Redis(site, "pauses")
    policyd = sites.Policyd(site, "pauses", redis, mailboxes, networks, sites.MEMORY, first)
    seconds = MARGIN * policyd.tell("reload") + 2
    pauses = {command: [] for command in ("", *COMMANDS)}
    taken = {command: [] for command in COMMANDS}
    spent = {command: [] for command in COMMANDS}
    for number in range(1, site.options.rounds + 1):
        say(f"round {number} of {site.options.rounds}")
        pauses[""].append(_longest_ms(site, policyd, seconds, first, lambda: None))
        for command in COMMANDS:
            site.ask_about_all(policyd)
            pauses[command].append(_longest_ms(
                site, policyd, seconds, first,
                lambda command=command: taken[command].append(policyd.tell(command))))
            site.ask_about_all(policyd)
            spent[command].append(_spent_ms(policyd, command))
    policyd.stop()
    yield Row(f"longest wait at {RATE:,} requests a second, {mailboxes:,} mailboxes, "
              f"{networks:,} networks", _text(pauses[""]))
    for command in COMMANDS:
        yield at_most(f"the same while policyctl {command} is carried out", median(pauses[command]),
                      BOUND_MS, _text(pauses[command]), f"at most {BOUND_MS} ms",
                      f"which takes {median(taken[command]):.2f} s")
        yield at_most(f"processor time of the thread that answers for a {command}",
                      median(spent[command]), BOUND_MS, _text(spent[command]),
                      f"at most {BOUND_MS} ms")


def _text(times):
    return f"{median(times):.1f} ms ({min(times):.1f} to {max(times):.1f})"


def _spent_ms(policyd, command):
    before = policyd.loop_ms()
    policyd.tell(command)
    time.sleep(SETTLE_S)  # the thread goes on for a moment; idle, it spends next to nothing
    return policyd.loop_ms() - before


def _longest_ms(site, policyd, seconds, first, disturb):
    path = site.scratch.file("pauses.json")
    load = site.start_load(policyd, [
        "steady", "--expect", "dunno", "--recipients", f"generated:{policyd.mailboxes}",
        "--connections", str(CONNECTIONS), "--rate", str(RATE), "--warm-up", "0.5",
        "--duration", str(seconds)], path, first)
    time.sleep(1)
    disturb()
    if load.poll() is not None:
        raise RuntimeError("the command took longer than the load was to last")
    return site.result_of(load.wait(600), path)["latency_us"]["max"] / 1000
