"""How fast calls were made, from the figures in the journal. Pure.

A record tells when it was written and how many seconds its call took, so the call was in flight in between. Time with
calls in flight counts, and so do pauses of up to LONGEST_PAUSE, such as the waits that a server asks for. A longer
pause is one between two sessions of the folder, or an outage, and is left out. Failures tell no duration: they are
moments.
"""

from __future__ import annotations

import bisect
import itertools
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from evol.figures import LatencyStats, SpeedStats

LONGEST_PAUSE = 60.0
"""Seconds without a call in flight that still count as time spent."""
RUN, SCORING = "run", "scoring"

Number = TypeVar("Number", int, float)


class BusyTime:
    """The time that intervals cover, whatever order they come in; pauses up to LONGEST_PAUSE are bridged."""

    def __init__(self) -> None:
        self._begins: list[float] = []  # of the stretches, which are disjoint and ascend
        self._ends: list[float] = []

    def add(self, begin: float, end: float) -> None:
        """Cover one more interval."""
        # stretches from `first` up to but not including `last` touch the interval
        first = bisect.bisect_left(self._ends, begin - LONGEST_PAUSE)
        last = bisect.bisect_right(self._begins, end + LONGEST_PAUSE)
        if first < last:
            begin = min(begin, self._begins[first])
            end = max(end, self._ends[last - 1])
        self._begins[first:last] = [begin]
        self._ends[first:last] = [end]

    @property
    def seconds(self) -> float:
        """Of all stretches."""
        return sum(end - begin for begin, end in zip(self._begins, self._ends, strict=True))


class CallTimes:
    """Collects the times of a journal's calls; four bytes a call."""

    def __init__(self) -> None:
        self._latencies: defaultdict[str, array[float]] = defaultdict(lambda: array("f"))
        self._busy: defaultdict[str, BusyTime] = defaultdict(BusyTime)
        self._calls: defaultdict[str, int] = defaultdict(int)

    def see(self, head: dict[str, Any]) -> None:
        """Take one record's figures."""
        role, end, latency = head["role"], head["time"], head["latency"]
        command = SCORING if role == "scorer" else RUN
        self._busy[command].add(end - latency, end)
        if head["kind"] == "call":
            self._latencies[role].append(latency)
            self._calls[command] += 1

    def freeze_latency(self) -> dict[str, LatencyStats]:
        """Percentiles by role."""
        found = {}
        for role, latencies in sorted(self._latencies.items()):
            ordered = sorted(latencies)
            p50, p95 = (round(find_percentile(ordered, percent), 4) for percent in (50, 95))
            found[role] = LatencyStats(calls=len(ordered), p50=p50, p95=p95)
        return found

    def freeze_speed(self) -> dict[str, SpeedStats]:
        """Calls a second of the run, and of the scoring."""
        found = {}
        for command, calls in sorted(self._calls.items()):
            seconds = round(self._busy[command].seconds, 3)
            speed = round(calls / seconds, 3) if seconds else None
            found[command] = SpeedStats(calls=calls, seconds=seconds, calls_per_second=speed)
        return found


def find_percentile(ordered: Sequence[Number], percent: int) -> Number:
    """Nearest rank: the smallest value that at least `percent` of all do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def find_quantile(counts: Mapping[int, int], percent: int) -> int:
    """The same of values that are counted: how often each occurs."""
    wanted = max(1, -(-sum(counts.values()) * percent // 100))
    ordered = sorted(counts)
    return ordered[bisect.bisect_left(list(itertools.accumulate(counts[value] for value in ordered)), wanted)]
