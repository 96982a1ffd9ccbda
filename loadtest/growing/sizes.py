"""What a request costs with more mailboxes, and with more networks."""

from comparison.processes import say
from growing import site as sites
from growing.table import Row, flat, median

MAILBOXES = (1_000, 100_000, 1_000_000)
NETWORKS = (1_000, 1_000_000)
RCPT = ["steady", "--expect", "dunno"]
SESSIONS = ["sessions", "--expect", "dunno", "--expect-end", "dunno"]


def from_memory(site):
    yield from _by_mailboxes(site, "RCPT from memory", RCPT, sites.MEMORY)


def reserving(site):
    yield from _by_mailboxes(site, "whole sessions with reservations", SESSIONS, sites.RESERVING)


def _by_mailboxes(site, title, work, settings):
    sizes = [size for size in MAILBOXES if size <= site.options.most_mailboxes]
    policyds = []
    for size in sizes:
        say(f"asking about {size:,} mailboxes")
        policyd = sites.Policyd(site, f"size-{size}", sites.Redis(site, f"size-{size}"), size,
                                settings=settings)
        site.ask_about_all(policyd)
        policyds.append(policyd)
    runs = _interleaved(site, policyds, lambda policyd: [
        *work, "--recipients", f"generated:{policyd.mailboxes}"])
    yield from _rows(f"{title}, {{:,}} mailboxes", sizes, runs)
    for policyd in policyds:
        policyd.stop()


def networks(site):
    """Clients that are not remembered: every request searches the table."""
    sizes = [size for size in NETWORKS if size <= site.options.most_networks]
    clients = site.client_file(max(sizes))
    policyds = [sites.Policyd(site, f"networks-{size}", sites.Redis(site, f"networks-{size}"), 1000,
                              size, sites.MEMORY) for size in sizes]
    for policyd in policyds:
        site.ask_about_all(policyd)
    runs = _interleaved(site, policyds, lambda policyd: [
        *RCPT, "--recipients", f"generated:{policyd.mailboxes}", "--clients", f"file:{clients}"])
    yield from _rows("RCPT from clients never seen, {:,} networks", sizes, runs)
    for policyd in policyds:
        policyd.stop()


def _interleaved(site, policyds, arguments_for):
    runs = [[] for _ in policyds]
    for number in range(1, site.options.rounds + 1):
        say(f"round {number} of {site.options.rounds}")
        for policyd, of_it in zip(policyds, runs):
            of_it.append(site.load(policyd, *arguments_for(policyd), "--connections", "50", "--seed",
                                   str(number), "--warm-up", "0.5", "--duration",
                                   str(site.options.duration)))
    return runs


def _rows(title, sizes, runs):
    costs = [median(run["server"]["cpu_us_per_answer"] for run in of_size) for of_size in runs]
    p99s = [median(run["latency_us"]["p99"] for run in of_size) for of_size in runs]
    for size, cost, p99 in zip(sizes, costs, p99s):
        cost_text = f"{1e6 / cost:,.0f} a CPU second"
        p99_text = f"{p99 / 1000:.2f} ms"
        if size == sizes[0]:
            yield Row(title.format(size), cost_text)
            yield Row("its p99", p99_text)
        else:
            yield flat(title.format(size), cost, costs[0], cost_text)
            yield flat("its p99", p99, p99s[0], p99_text)
