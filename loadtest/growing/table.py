"""The rows of the table, and when a bound is kept."""

import os
import platform
import statistics
from dataclasses import dataclass


@dataclass
class Row:
    title: str
    value: str
    wanted: str = ""
    is_kept: bool = True
    note: str = ""


def median(values):
    return statistics.median(values)


def at_most(title, value, bound, text, wanted, note=""):
    return Row(title, text, wanted, value <= bound, note)


def flat(title, value, small, text, note=""):
    """A cost that may be at most a fifth above that of the small size."""
    ratio = value / small
    return Row(title, f"{text} ({ratio:.2f})", "at most 1.20 of the smallest", ratio <= 1.2, note)


def show_head(options):
    print(f"{options.rounds} interleaved rounds of {options.duration:g} s; {os.cpu_count()} CPUs, "
          f"Linux {platform.release()}; in parentheses the part of what it is compared with\n")
    print("| what grows | measured | wanted | |\n|---|---|---|---|", flush=True)


def show(row):
    verdict = "" if not row.wanted else "kept" if row.is_kept else "MISSED"
    notes = "; ".join(filter(None, [verdict, row.note]))
    print(f"| {row.title} | {row.value} | {row.wanted} | {notes} |", flush=True)
