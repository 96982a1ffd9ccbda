"""One line for each row of the table, printed as soon as it is known."""

import dataclasses
import os
import platform
import statistics
from typing import Optional


@dataclasses.dataclass
class Row:
    title: str
    value: str
    ratio: Optional[float] = None  # what the bound is about
    most: Optional[float] = None
    note: str = ""
    is_right: bool = True

    @property
    def is_kept(self):
        return self.is_right and (self.most is None or self.ratio is None
                                  or self.ratio <= self.most)


@dataclasses.dataclass
class Run:
    wall: float
    cpu: float


def median(runs, what):
    return statistics.median(getattr(run, what) for run in runs)


def against(title, runs, base, most=None, note="", is_right=True):
    """A row of times; kept if the wall times, or the CPU times, are within the bound. On a machine that
    does other work, wall times tell of that."""
    wall, cpu = median(runs, "wall"), median(runs, "cpu")
    if base is None:
        return Row(title, f"{wall:.3f} s, CPU {cpu:.3f} s", note=note, is_right=is_right)
    of_wall = wall / median(base, "wall")
    of_cpu = cpu / median(base, "cpu")
    text = f"{wall:.3f} s ({of_wall:.3f}), CPU {cpu:.3f} s ({of_cpu:.3f})"
    return Row(title, text, min(of_wall, of_cpu), most, note, is_right)


def show_head(site):
    options = site.options
    print(f"{options.mailboxes:,} mailboxes, {options.messages:,} messages; medians of "
          f"{options.rounds} interleaved rounds, {options.cold_rounds} cold; {os.cpu_count()} CPUs, "
          f"Linux {platform.release()}; in parentheses the part of what it is compared with\n")
    print("| work | measured | at most | |\n|---|---|---|---|", flush=True)


def show(row):
    bound = "" if row.most is None else f"{row.most:g}"
    verdict = "" if row.most is None and row.is_right else "kept" if row.is_kept else "MISSED"
    notes = "; ".join(filter(None, [verdict, row.note]))
    print(f"| {row.title} | {row.value} | {bound} | {notes} |", flush=True)
