"""Figures of changed mailboxes into Redis, beside bare HSETs."""

import re
import subprocess

from scanning.table import Row


def measure(site):
    output = subprocess.run([site.program("policyd-usage-writes"), "--redis", site.redis],
                            check=True, capture_output=True, text=True).stdout
    numbers = list(map(float, re.findall(r"[0-9.]+", output.replace("p50/p99", ""))))
    mailboxes, published, bare, idle50, idle99, ours50, ours99, bare50, bare99 = numbers
    yield Row(f"writing {mailboxes:,.0f} changed mailboxes to Redis, beside pipelined HSETs",
              f"{published * 1000:.1f} ms, HSETs {bare * 1000:.1f} ms", published / bare, 1.3)
    yield Row("reads of the policy server meanwhile, p99 beside idle",
              f"{ours99:.0f} us, idle {idle99:.0f} us (p50 {ours50:.0f}, {idle50:.0f}; beside HSETs "
              f"p99 {bare99:.0f}, p50 {bare50:.0f})", ours99 / idle99, 2)
