"""Scans of the disk beside du and doveadm."""

import collections
import os
import re
import shutil
import subprocess

from scanning.dovecot import Dovecot
from scanning.stores import forget_pages, let_stamps_age, timed
from scanning.table import Row, Run, against

CHANGED_SHARE = "0.01"
DEFAULT_THREADS = 16


class Rounds:
    """Times by name, of works that are done in turn, each round in another order."""

    def __init__(self, works, rounds, before=None):
        self.changes = "changed1" in works
        self.times = collections.defaultdict(list)
        self.is_right = collections.defaultdict(lambda: True)
        self.found = {}
        for number in range(rounds):
            names = list(works)
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                if before is not None:
                    before()
                works[name](self, name)

    def take(self, name, run, found=None, right=True):
        self.times[name].append(run)
        self.is_right[name] &= right
        self.found[name] = found

    def row(self, title, name, base, most=None, note=""):
        if not self.is_right[name]:
            note = "WRONG figures"
        return against(title, self.times[name], base and self.times[base], most, note,
                       self.is_right[name])


def _du(path):
    return lambda rounds, name: rounds.take(name, timed(["du", "-sb", path])[0])


def _full(site, kind, threads):
    sums = [sum(column) for column in zip(*site.truth(kind).values())]
    config = site.config(site.store(kind), f"{kind}-{threads}", scan_threads=threads)

    def work(rounds, name):
        run, found = site.scan(config, "--rebuild")
        rounds.take(name, run, found, [found["bytes"], found["messages"]] == sums)
    return work


def _unchanged(site, kind, threads):
    config = site.config(site.store(kind), f"{kind}-again", scan_threads=threads)

    def work(rounds, name):
        if kind == "named" and rounds.changes:
            site.scan(config)  # what another work has changed meanwhile
        run, found = site.scan(config)
        rounds.take(name, run, found, found["read"] == 0)

    site.scan(config)
    return work


def _changed(site, threads):
    """Delivers into one directory in a hundred, scans, and takes the messages out again."""
    root = site.store("named")
    config = site.config(root, "changed", scan_threads=threads)
    site.scan(config)
    seed = iter(range(1, 1000))

    def work(rounds, name):
        output = subprocess.run(
            [site.program("policyd-mailstore"), "change", root, "--share", CHANGED_SHARE, "--seed",
             str(next(seed))], check=True, capture_output=True, text=True).stdout
        files = output.splitlines()
        let_stamps_age()
        run, found = site.scan(config)
        rounds.take(name, run, found, found["read"] == len(files))
        for file in files:
            os.unlink(file)
        let_stamps_age()
        site.scan(config)
    return work


def _bare(site, root):
    """The system calls that no scan can do without, in a program that does nothing else."""
    def work(rounds, name):
        output = subprocess.run([site.program("policyd-mailstore"), "bare", root], check=True,
                                capture_output=True, text=True).stdout
        looks, _, full = map(float, re.findall(r"(\d+\.\d+)", output))
        rounds.take("bare looks", Run(looks, looks))
        rounds.take("bare full", Run(full, full))
    return work


def warm(site):
    named = site.store("named")
    works = {
        "du": _du(named), "full1": _full(site, "named", 1), "full2": _full(site, "named", 2),
        "default": _full(site, "named", DEFAULT_THREADS), "bare": _bare(site, named),
        "unchanged1": _unchanged(site, "named", 1), "changed1": _changed(site, 1),
    }
    # The kernel's table of names is slower the more it knows: of this store alone, for all.
    if os.geteuid() == 0:
        forget_pages()
    timed(["du", "-sb", named])
    rounds = Rounds(works, site.options.rounds)
    yield rounds.row("`du -sb`, one process, warm", "du", None)
    yield rounds.row("full scan, warm, 62 % `S=`, 1 thread", "full1", "du", 0.38)
    yield rounds.row("full scan, warm, 62 % `S=`, 2 threads", "full2", "du", 0.20)
    yield rounds.row("the system calls of that alone, 1 thread", "bare full", "du")
    yield rounds.row("rescan of an unchanged store, warm, 1 thread", "unchanged1", "du", 0.04)
    yield rounds.row("the system calls of that alone", "bare looks", "du")
    yield rounds.row("rescan with 1 % of the directories changed, warm, 1 thread", "changed1", "du",
                     0.045)
    directories = rounds.found["default"]["directories"]
    scan = f"named-{DEFAULT_THREADS}"
    resident = site.metric(scan, "max_resident_bytes") / 2**20
    yield Row(f"resident memory of a full scan, {DEFAULT_THREADS} threads (the default), "
              f"{directories:,} directories", f"{resident:.1f} MiB", resident, 24)
    state = os.path.getsize(site.scratch.file(f"{scan}.state")) / directories
    yield Row("state of a directory, in the file", f"{state:.1f} bytes", state, 80)


def cold(site):
    if os.geteuid() != 0:
        yield Row("cold scans", "not measured: only root can empty the page cache", is_right=False)
        return
    named, unnamed = site.store("named"), site.store("unnamed")
    works = {
        "du": _du(named), "full": _full(site, "named", DEFAULT_THREADS),
        "du unnamed": _du(unnamed), "unnamed": _full(site, "unnamed", DEFAULT_THREADS),
        "unchanged": _unchanged(site, "named", 8),
    }
    rounds = Rounds(works, site.options.cold_rounds, forget_pages)
    yield rounds.row("`du -sb`, one process, cold", "du", None)
    yield rounds.row(f"full scan, cold, 62 % `S=`, {DEFAULT_THREADS} threads (the default)", "full", "du",
                     0.20)
    yield rounds.row(f"full scan, cold, no name with `S=`, {DEFAULT_THREADS} threads, beside `du` there",
                     "unnamed", "du unnamed", 0.30)
    yield rounds.row("rescan of an unchanged store, cold, 8 threads", "unchanged", "du", 0.05)


def one_statx_a_directory(site):
    title = "system calls of a rescan of an unchanged store"
    root = site.store("named")
    config = site.config(root, "traced", scan_threads=1)
    let_stamps_age()
    site.scan(config)
    _, found = site.scan(config)
    if shutil.which("strace") is None:
        yield Row(title, f"{found['read']} directories read; strace is not installed",
                  is_right=found["read"] == 0)
        return
    trace = site.scratch.file("trace")
    subprocess.run(["strace", "-f", "-y", "-qq", "-o", trace, "-e",
                    "trace=statx,newfstatat,open,openat,openat2,getdents64",
                    site.program("policyd-scan"), "--once", "--quiet", "--config", config],
                   check=True)
    with open(trace, encoding="utf-8", errors="replace") as file:
        calls = [re.match(r"\d+ +(\w+)\(\d+<([^>]*)>, \"([^\"]+)", line) for line in file]
    # Below the root everything is asked by a path that is relative to a descriptor there.
    at_root = os.path.realpath(root)
    below = collections.Counter(call.group(1) for call in calls
                                if call and (call.group(2) + "/").startswith(at_root + "/"))
    domains = len({mailbox.split("@")[1] for mailbox in site.truth("named")})
    known = found["directories"] + found["mailboxes"] + domains + 1
    others = sum(below.values()) - below["statx"]
    yield Row(title, f"{below['statx']:,} statx for {known:,} directories (`new`, `cur`, those of "
              f"mailboxes and domains), {others} others below the root",
              below["statx"] / known, 1.0, is_right=others == 0 and found["read"] == 0)


def doveadm(site):
    if os.geteuid() != 0 or shutil.which("doveadm") is None:
        yield Row("`doveadm quota recalc -A`", "not measured: takes Dovecot, and root",
                  is_right=False)
        return
    root = site.store("named")
    dovecot = Dovecot(site, root)
    recalc = [*dovecot.doveadm, "quota", "recalc", "-A"]
    timed(recalc)  # makes its control directories
    works = {"doveadm": lambda rounds, name: rounds.take(name, timed(recalc)[0]),
             "full1": _full(site, "named", 1), "du": _du(root)}
    rounds = Rounds(works, site.options.rounds)
    yield rounds.row("`doveadm quota recalc -A`, Maildir back end, warm", "doveadm", None)
    yield rounds.row("full scan, warm, 1 thread, beside it", "full1", "doveadm", 0.30)
    wrong = dovecot.differing(site.truth("named"))
    yield Row("mailboxes for which doveadm comes to other figures", str(wrong), wrong, 0)
