"""From the start of the program to its first connection, with one big table."""

from growing import site as sites
from growing.table import at_most, median


def measure(site):
    redis = sites.Redis(site, "start")
    mailboxes, networks = site.options.most_mailboxes, site.options.most_networks
    for title, lines, tables in (
            ("two texthash tables, of mailboxes and of their limits", 2 * mailboxes,
             {"mailboxes": mailboxes}),
            ("a cidr table", networks, {"networks": networks})):
        times, memory = [], []
        for number in range(site.options.rounds):
            policyd = sites.Policyd(site, f"start-{number}", redis, **tables)
            times.append(policyd.start_s)
            memory.append(policyd.resident())
            policyd.stop()
        each = median(times) / lines * 1e6
        yield at_most(f"start-up with {title}", each, 1.0,
                      f"{median(times):.2f} s for {lines:,} lines, {each:.2f} s a million; "
                      f"{median(memory) / lines:.0f} bytes resident a line", "1 s a million lines")
