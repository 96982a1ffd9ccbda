"""Scans by one policyd-scan while messages are renamed at full speed: every one has to come to the
figures that never change."""

import os
import signal
import subprocess
import time

from comparison.processes import say, wait_until
from scanning.stores import LINE
from scanning.table import Row

# Messages in cur and in new, and whether their names tell their sizes.
MAILDIRS = {"few": (20, 1000, True), "plain": (20, 300, False), "thousands": (4000, 0, True),
            "hundreds": (300, 100, False)}
SIZE = 10


def _make(root):
    """Returns the Maildirs and how many messages are in them."""
    messages = 0
    for name, (in_cur, in_new, with_size) in MAILDIRS.items():
        for part, count in (("tmp", 0), ("cur", in_cur), ("new", in_new)):
            directory = os.path.join(root, "example.org", name, part)
            os.makedirs(directory)
            for number in range(count):
                size = f",S={SIZE}" if with_size else ""
                info = ":2,S" if part == "cur" else ""
                with open(os.path.join(directory, f"{part}{number}.host{size}{info}"), "wb") as file:
                    file.truncate(SIZE)
            messages += count
    return [os.path.join(root, "example.org", name) for name in MAILDIRS], messages


class Log:
    """What the scans have said so far, as it comes."""

    def __init__(self, path):
        self._file = open(path, encoding="utf-8", errors="replace")
        self._rest = ""
        self.scans = []
        self.drift = 0

    def read_on(self):
        lines = (self._rest + self._file.read()).split("\n")
        self._rest = lines.pop()
        for line in lines:
            found = LINE.search(line)
            if found:
                self.scans.append(tuple(map(int, found.groups()[2:5])))
            self.drift += "drift: " in line
        return len(self.scans)


def measure(site):
    root = site.scratch.file("renamed")
    maildirs, messages = _make(root)
    # The mailboxes of other groups would be told as drift, scan after scan: here they are none.
    subprocess.run(["redis-cli", "-s", site.redis, "FLUSHALL"], check=True,
                   stdout=subprocess.DEVNULL)
    config = site.config(root, "renamed", scan_threads=2, scan_live="off", scan_interval="1h")
    path = site.scratch.file("renamed.log")
    with open(path, "wb") as output:
        scanner = site.supervisor.start_beside(
            [site.program("policyd-scan"), "--config", config], stdout=output, stderr=output)
    log = Log(path)
    wait_until("the first scan", lambda: scanner.poll() is not None or log.read_on(), path)
    renamer = site.supervisor.start_beside(
        [site.program("policyd-mailstore"), "rename", *maildirs], stdout=subprocess.PIPE, text=True)
    begin = time.monotonic()
    try:
        while (count := log.read_on()) < site.options.scans:
            # Each signal is one more scan, which reads everything.
            scanner.send_signal(signal.SIGUSR1)
            while log.read_on() == count:
                if scanner.poll() is not None or renamer.poll() is not None:
                    with open(path, encoding="utf-8", errors="replace") as file:
                        raise RuntimeError("ended early: " + file.read()[-2000:])
                time.sleep(0.001)
            if count % 1000 == 0:
                say(f"{count} scans of {site.options.scans}")
        seconds = time.monotonic() - begin
    finally:
        renamer.send_signal(signal.SIGTERM)
        renames = int(renamer.communicate()[0].split()[0])
        scanner.terminate()
        scanner.wait(30)
    log.read_on()
    wrong = sum((count, size) != (messages, messages * SIZE) for count, size, _ in log.scans)
    read = sum(directories for _, _, directories in log.scans)
    yield Row(f"wrong counts in {len(log.scans):,} scans while messages are renamed",
              f"{wrong} ({renames / seconds:,.0f} renames a second, {read:,} directories read, "
              f"{log.drift} false alarms of drift)", wrong + log.drift, 0)
