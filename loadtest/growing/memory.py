"""Memory for each idle connection, each mailbox that is remembered, and each reservation."""

from comparison.processes import wait_until
from growing import files, site as sites
from growing.policy import Connections
from growing.table import Row

IDLE_CONNECTIONS = 5000
MESSAGES = 400
RECIPIENTS = 100
RESERVATIONS = MESSAGES * RECIPIENTS
STEADY_LOOKS = 10


class _Watch:
    """How much a policyd has grown since."""

    def __init__(self, policyd):
        self._policyd = policyd
        self._heap = policyd.heap()
        self._resident = policyd.resident()

    def each(self, count):
        heap = (self._policyd.heap() - self._heap) / count
        resident = (self._policyd.resident() - self._resident) / count
        return f"{heap:,.0f} bytes allocated, {resident:,.0f} resident"


def measure(site):
    yield from _connections(site)
    yield from _mailboxes(site)
    yield from _reservations(site)


def _connections(site):
    redis = sites.Redis(site, "idle")
    policyd = sites.Policyd(site, "idle", redis, 1000, settings=sites.MEMORY)
    recipients = [files.address(i % 1000) for i in range(IDLE_CONNECTIONS)]
    with Connections(policyd.endpoint, 1) as first:
        first.ask(recipients[:1], "first")
        site.ask_about_all(policyd)
        watch = _Watch(policyd)
        with Connections(policyd.endpoint, IDLE_CONNECTIONS) as idle:
            wait_until("policyd to accept all connections",
                       lambda: policyd.metric("policyd_connections") > IDLE_CONNECTIONS)
            yield Row(f"policyd, each of {IDLE_CONNECTIONS:,} connections that never asked",
                      watch.each(IDLE_CONNECTIONS))
            idle.ask(recipients, "idle")
            yield Row("policyd, each of them after one answer from memory",
                      watch.each(IDLE_CONNECTIONS))
    policyd.stop()


def _mailboxes(site):
    mailboxes = site.options.most_mailboxes
    redis = sites.Redis(site, "cached")
    policyd = sites.Policyd(site, "cached", redis, mailboxes, settings=sites.MEMORY)
    watch = _Watch(policyd)
    site.ask_about_all(policyd)
    yield Row(f"policyd, each of {mailboxes:,} mailboxes that are remembered, with its usage",
              watch.each(mailboxes))
    policyd.stop()


def _reservations(site):
    redis = sites.Redis(site, "reserved")
    policyd = sites.Policyd(site, "reserved", redis, RESERVATIONS)
    site.ask_about_all(policyd)
    wait_until("Redis to be told of all that ended", _is_steady(redis))
    kept = []
    for which in ("first", "second"):
        watch, used = _Watch(policyd), redis.used_memory()
        # The end of a connection would be the end of its message.
        messages = Connections(policyd.endpoint, MESSAGES)
        kept.append(messages)
        for begin in range(0, RESERVATIONS, MESSAGES):
            messages.ask([files.address(begin + i) for i in range(MESSAGES)], which)
        used = (redis.used_memory() - used) / RESERVATIONS
        yield Row(f"policyd, the {which} reservation of each of {RESERVATIONS:,} mailboxes, "
                  f"{RECIPIENTS} in a message", watch.each(RESERVATIONS))
        yield Row("Redis, the same", f"{used:,.0f} bytes")
    for messages in kept:
        messages.close()
    policyd.stop()


def _is_steady(redis):
    """Whether Redis has kept what it has for a moment."""
    seen = []

    def is_steady():
        seen.append(redis.used_memory())
        return len(seen) > STEADY_LOOKS and len(set(seen[-STEADY_LOOKS:])) == 1

    return is_steady
