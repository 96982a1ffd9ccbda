"""What is measured: which server does which work, and what it is compared with."""

from dataclasses import dataclass, field

from comparison import servers
from comparison.processes import say

RCPT = ["steady", "--expect", "dunno"]
SESSIONS = ["sessions", "--expect", "dunno", "--expect-end", "dunno"]
NEWCOMERS = ["newcomers", "--expect", "dunno"]


@dataclass
class Row:
    key: str
    title: str
    server: type
    transport: str
    work: list
    yardstick: str = ""        # the row whose requests per CPU second are 1
    at_least: float = 0        # of the yardstick; 0: nothing is promised
    times_dovecot: float = 0   # what is promised against the row dovecot
    is_cold: bool = False      # starts anew in every round, and knows nothing
    fills: int = 0             # how often it is asked about every mailbox before the first round
    by_rate: bool = False      # what is promised is its rate, whatever that costs
    judges: bool = False       # must refuse who is unknown or has no room

    @property
    def bare(self):
        """The row of the bare responder over the same transport."""
        return "bare-unix" if self.transport == "unix" else "bare"

    @property
    def keeps_latency(self):
        """Whether its latency is promised to be about that of the bare responder."""
        return self.at_least > 0 and not self.is_cold


ALL = [
    Row("bare-unix", "bare responder, UNIX socket", servers.Responder, "unix", RCPT),
    Row("bare", "bare responder, TCP", servers.Responder, "tcp", RCPT),
    Row("bare-redis", "bare responder, TCP, one Redis GET", servers.RedisResponder, "tcp", RCPT,
        yardstick="bare"),
    Row("memory-unix", "policyd, RCPT from memory, UNIX socket", servers.PolicydFromMemory,
        "unix", RCPT, yardstick="bare-unix", at_least=0.72, fills=1, judges=True),
    Row("memory", "policyd, RCPT from memory, TCP", servers.PolicydFromMemory, "tcp", RCPT,
        yardstick="bare", at_least=0.85, times_dovecot=200, fills=1, judges=True),
    # Which loop is asked about a mailbox is chance: after six times, each knows nearly all.
    Row("two-loops", "policyd, RCPT from memory, workers = 2, TCP", servers.PolicydOnTwoLoops, "tcp",
        RCPT, yardstick="memory", at_least=0.95, by_rate=True, fills=6, judges=True),
    Row("redis", "policyd, RCPT with one Redis read, TCP", servers.PolicydAskingRedis, "tcp",
        RCPT, yardstick="bare", at_least=0.70, fills=1, judges=True),
    Row("sessions", "policyd, sessions with reservations, TCP", servers.PolicydReserving, "tcp",
        SESSIONS, yardstick="bare", at_least=0.55, times_dovecot=120, fills=1,
        judges=True),
    Row("cold", "policyd, every key new, MySQL, TCP", servers.PolicydReserving, "tcp", NEWCOMERS,
        yardstick="bare", at_least=0.07, times_dovecot=15, is_cold=True),
    Row("dovecot", "Dovecot quota-status, MySQL and Redis, TCP", servers.Dovecot, "tcp", RCPT,
        yardstick="bare", judges=True),
    Row("postfwd", "postfwd, three access rules, TCP", servers.Postfwd, "tcp", RCPT,
        yardstick="bare"),
]


@dataclass
class Measured:
    """A row, its server that runs, and what was measured of it."""

    row: Row
    server: servers.Server
    runs: list = field(default_factory=list)
    half_rate: list = field(default_factory=list)
    is_right: bool = True

    @property
    def endpoint(self):
        return self.server.unix if self.row.transport == "unix" else self.server.tcp


def chosen(only):
    """The rows of a list of keys, and their yardsticks with theirs. Throws KeyError."""
    by_key = {row.key: row for row in ALL}
    keys = set()
    for key in only.split(","):
        while key:
            keys.add(key)
            key = by_key[key].yardstick
    return [row for row in ALL if not keys or row.key in keys]


def start(chosen_rows, scratch, supervisor, back_ends, options):
    """One server for all rows that want the same one, but for the cold ones."""
    running = {}
    measured = []
    for row in chosen_rows:
        missing = row.server.missing(options)
        if missing:
            say(f"left out: {row.title}: {missing}")
            continue
        wanted = (row.server, row.is_cold)
        if wanted not in running:
            running[wanted] = row.server("server-" + row.key, scratch, supervisor, back_ends, options)
            running[wanted].start()
        measured.append(Measured(row, running[wanted]))
    return measured
