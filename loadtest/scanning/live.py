"""From a delivery's rename to the new figure in Redis, while policyd-scan watches the store."""

import os
import random
import socket
import statistics
import struct
import time

from comparison.processes import say, wait_until
from scanning.table import Row

POLL_S = 0.004
GIVE_UP_S = 30
TICKS = os.sysconf("SC_CLK_TCK")


class Figures:
    """Asks Redis for many mailboxes' figures in one exchange."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._file = self._socket.makefile("rb")

    def messages(self, mailboxes):
        request = b""
        for mailbox in mailboxes:
            user, domain = mailbox.split("@")
            key = f"policyd:{{{domain}}}:m:{user}".encode()
            request += b"*3\r\n$4\r\nHGET\r\n$%d\r\n%s\r\n$1\r\nu\r\n" % (len(key), key)
        self._socket.sendall(request)
        return [self._next() for _ in mailboxes]

    def _next(self):
        length = int(self._file.readline()[1:])
        if length < 0:
            return -1
        record = self._file.read(length + 2)
        return int(struct.unpack_from("<dd", record)[1])


def _cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Deliveries:
    """Delivers into random mailboxes, each with one delivery under way at most, and notes when the
    store's figure has followed."""

    def __init__(self, site, root):
        self._root = root
        self._figures = Figures(site.redis)
        self._random = random.Random(1)
        truth = site.truth("named")
        self._mailboxes = list(truth)
        self._counts = {mailbox: messages for mailbox, (_, messages) in truth.items()}
        self._under_way = {}
        self.files = []
        self.latencies = []

    def run(self, rate, seconds):
        """Returns how many deliveries there were."""
        begin = time.perf_counter()
        delivered = 0
        while True:
            now = time.perf_counter()
            due = min(now - begin, seconds) * rate
            while delivered < due and len(self._under_way) < len(self._mailboxes):
                self._deliver()
                delivered += 1
            self._look()
            if now - begin > seconds and not self._under_way:
                return delivered
            if now - begin > seconds + GIVE_UP_S:
                raise RuntimeError(f"{len(self._under_way)} deliveries never showed")
            time.sleep(POLL_S)

    def _deliver(self):
        mailbox = self._random.choice(self._mailboxes)
        while mailbox in self._under_way:
            mailbox = self._random.choice(self._mailboxes)
        user, domain = mailbox.split("@")
        maildir = os.path.join(self._root, domain, user)
        name = f"{time.time_ns()}.P{os.getpid()}.live.example,S=1000"
        temporary = os.path.join(maildir, "tmp", name)
        with open(temporary, "wb") as file:
            file.truncate(1000)
        self.files.append(os.path.join(maildir, "new", name))
        os.rename(temporary, self.files[-1])
        self._counts[mailbox] += 1
        self._under_way[mailbox] = time.perf_counter()

    def _look(self):
        waiting = list(self._under_way)
        for mailbox, messages in zip(waiting, self._figures.messages(waiting)):
            if messages > self._counts[mailbox]:
                raise RuntimeError(f"{mailbox}: {messages} messages instead of "
                                   f"{self._counts[mailbox]}")
            if messages == self._counts[mailbox]:
                self.latencies.append(time.perf_counter() - self._under_way.pop(mailbox))


def measure(site):
    root = site.store("named")
    config = site.config(root, "live", scan_interval="1h")
    site.scan(config, "--rebuild")
    site.scan(config)
    log = site.scratch.file("live.log")
    with open(log, "wb") as output:
        scanner = site.supervisor.start_beside(
            [site.program("policyd-scan"), "--config", config], stdout=output, stderr=output)

    def watches():
        with open(log, encoding="utf-8", errors="replace") as file:
            return scanner.poll() is not None or "scan: " in file.read()

    deliveries = None
    try:
        wait_until("policyd-scan", watches, log)
        with open(log, encoding="utf-8", errors="replace") as file:
            method = "fanotify" if "live: fanotify" in file.read() else "inotify"
        say(f"delivering, watched with {method}")
        deliveries = Deliveries(site, root)
        cpu, begin = _cpu_seconds(scanner.pid), time.perf_counter()
        count = deliveries.run(site.options.rate, site.options.seconds)
        seconds = time.perf_counter() - begin
        cpu = (_cpu_seconds(scanner.pid) - cpu) / seconds
    finally:
        scanner.terminate()
        scanner.wait(30)
        for file in deliveries.files if deliveries else []:
            os.unlink(file)
    quantiles = statistics.quantiles(deliveries.latencies, n=100, method="inclusive")
    yield Row(f"from the rename to the new figure in Redis, p99 of {count:,} deliveries, "
              f"{count / seconds:.0f} a second, {method}",
              f"{quantiles[98]:.3f} s (p50 {quantiles[49]:.3f} s)", quantiles[98], 1)
    yield Row("processor time of policyd-scan meanwhile", f"{cpu * 100:.1f} % of a core", cpu, 0.05)
