"""When a run's calls were made, how long they took and what they cost: from the figures at the head of journal lines.

Time is active time: a pause in which no call ended (the run was stopped, or the endpoint was down) is cut out, so that
a run resumed after a week still reads as one. Some sixty bytes a call are held while reading.
"""

from __future__ import annotations

import bisect
import itertools
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from evol.calltotals import BYTES_PER_TOKEN
from evol.errors import FolderError
from evol.files import open_plain
from evol.journal import JOURNAL_NAME
from evol.records import ALL_ROLES, UNKNOWN_TOKENS, Price, ThrottleChange

MOST_BINS = 100
CALLS_PER_BIN = 10
"""On average, at least; fewer would draw noise."""
SHORTEST_PAUSE = 300.0
"""Seconds without the end of any call that count as a pause."""

_REPLY, _REQUEST, _ERROR, _CRC = b',"reply":', b',"request":', b',"error":', b',"crc":"00000000"}\n'


@dataclass(frozen=True, slots=True)
class TimeBin:
    """A stretch of active time.

    Attributes:
        start: seconds of active time.
        calls: completed in it.
        failures: requests without a reply.
        latencies: p50 and p95 in seconds, None where no call was completed.
        tokens: in and out, estimates included, by role, since the beginning.
        cost: USD since the beginning, None where a price is unknown.
    """

    start: float
    calls: int
    failures: int
    latencies: tuple[float, float] | None
    tokens: dict[str, int]
    cost: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run over its active time.

    Attributes:
        begun: seconds since the epoch, of the first record.
        ended: the same of the last one.
        seconds: active time.
        pauses: how many were cut out.
        width: seconds of each bin; 0 where all records have the same time.
        bins: in order, without a gap.
        slots: (seconds of active time, endpoint, calls allowed in flight), thinned out to one a bin and endpoint.
    """

    begun: float
    ended: float
    seconds: float
    pauses: int
    width: float
    bins: list[TimeBin]
    slots: list[tuple[float, str, int]]


def read_timeline(folder: Path, prices: Mapping[str, Price], changes: Sequence[ThrottleChange]) -> Timeline | None:
    """The run's timeline; None where the journal is missing or holds no call.

    Args:
        folder: a run folder whose journal was found whole.
        prices: by role; a role that was asked and is missing here makes the cost unknown.
        changes: of the calls in flight.

    Raises:
        FolderError: the journal cannot be read.
    """
    events = _Events()
    for head, request_bytes, reply_bytes in _read_heads(folder / JOURNAL_NAME):
        events.add(head, request_bytes, reply_bytes)
    if not events.times:
        return None
    order = array("Q", sorted(range(len(events.times)), key=events.times.__getitem__))
    clock = _ActiveClock(array("d", (events.times[index] for index in order)))
    count = max(1, min(MOST_BINS, len(order) // CALLS_PER_BIN)) if clock.seconds else 1
    width = clock.seconds / count
    slots = {}
    for change in changes:
        active = clock.to_active(change.time)
        slots[change.label, int(active / width) if width else 0] = (active, change.label, change.limit)
    return Timeline(
        begun=clock.begun,
        ended=clock.ended,
        seconds=clock.seconds,
        pauses=clock.pauses,
        width=width,
        bins=list(_fill_bins(events, order, clock, count, prices)),
        slots=sorted(slots.values()),
    )


@dataclass
class _Events:
    """The figures of all records, in columns."""

    times: array[float] = field(default_factory=lambda: array("d"))
    latencies: array[float] = field(default_factory=lambda: array("f"))  # -1 for a request without a reply
    roles: array[int] = field(default_factory=lambda: array("B"))
    inputs: array[int] = field(default_factory=lambda: array("I"))
    outputs: array[int] = field(default_factory=lambda: array("I"))
    batched: array[int] = field(default_factory=lambda: array("B"))

    def add(self, head: dict[str, Any], request_bytes: int, reply_bytes: int) -> None:
        is_call = head["kind"] == "call"
        inputs, outputs = head["input_tokens"], head["output_tokens"]
        if is_call and UNKNOWN_TOKENS in (inputs, outputs):  # as `journal.CallTotals` estimates them
            inputs, outputs = request_bytes // BYTES_PER_TOKEN, reply_bytes // BYTES_PER_TOKEN
        self.times.append(head["time"])
        self.latencies.append(head["latency"] if is_call else -1)
        self.roles.append(ALL_ROLES.index(head["role"]))
        self.inputs.append(max(0, inputs))
        self.outputs.append(max(0, outputs))
        self.batched.append("batch" in head)


class _ActiveClock:
    """Turns wall time into active time.

    Args:
        times: of all records, ascending, not empty.
    """

    def __init__(self, times: Sequence[float]) -> None:
        self.begun, self.ended, self.pauses = times[0], times[-1], 0
        self._walls = [times[0]]
        self._actives = [0.0]  # when work began again, in active time
        for before, after in itertools.pairwise(times):
            if after - before > SHORTEST_PAUSE:
                self.pauses += 1
                self._actives.append(self._actives[-1] + before - self._walls[-1])
                self._walls.append(after)
        self.seconds = self._actives[-1] + self.ended - self._walls[-1]

    def to_active(self, wall: float) -> float:
        """Seconds of active time; a moment inside a pause is its beginning."""
        index = max(0, bisect.bisect_right(self._walls, wall) - 1)
        active = self._actives[index] + max(0.0, wall - self._walls[index])
        return min(active, self._actives[index + 1] if index + 1 < len(self._actives) else self.seconds)


def _fill_bins(
    events: _Events, order: Sequence[int], clock: _ActiveClock, count: int, prices: Mapping[str, Price]
) -> Iterator[TimeBin]:
    width = clock.seconds / count
    asked = [role for number, role in enumerate(ALL_ROLES) if number in events.roles]
    totals = {role: [0, 0, 0, 0] for role in asked}  # in, out; of these in batches
    position = 0
    for number in range(count):
        calls, failures, latencies = 0, 0, []
        while position < len(order):
            index = order[position]
            if number < count - 1 and clock.to_active(events.times[index]) > (number + 1) * width:
                break
            position += 1
            if events.latencies[index] < 0:
                failures += 1
            else:
                calls += 1
                latencies.append(events.latencies[index])
            total = totals[ALL_ROLES[events.roles[index]]]
            total[0] += events.inputs[index]
            total[1] += events.outputs[index]
            if events.batched[index]:
                total[2] += events.inputs[index]
                total[3] += events.outputs[index]
        cost = None
        if all(role in prices for role in asked):
            cost = sum(prices[role].of(*total) for role, total in totals.items())
        tokens = {str(role): sum(total[:2]) for role, total in totals.items()}
        yield TimeBin(number * width, calls, failures, _find_percentiles(latencies), tokens, cost)


def _read_heads(path: Path) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Yield the figures of each request, and the bytes of what was asked and of the reply.

    The lines were checked when the journal was opened for the figures, so only their heads are parsed here; a torn last
    line is passed over.
    """
    try:
        with open_plain(path) as file:
            for line in file:
                if not line.endswith(b"}\n") or not line.startswith((b'{"kind":"call"', b'{"kind":"failure"')):
                    continue
                reply = line.find(_REPLY)
                if reply < 0:
                    yield orjson.loads(line[: line.find(_ERROR)] + b"}"), 0, 0
                    continue
                request = line.find(_REQUEST, reply)
                request_bytes = len(line) - request - len(_REQUEST) - len(_CRC)
                yield orjson.loads(line[:reply] + b"}"), request_bytes, request - reply - len(_REPLY)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise FolderError(f"{path}: cannot be read ({error})", "restore it from a copy") from None


def _find_percentiles(latencies: list[float]) -> tuple[float, float] | None:
    """Nearest-rank p50 and p95."""
    if not latencies:
        return None
    latencies.sort()
    return latencies[(len(latencies) - 1) // 2], latencies[-(-len(latencies) * 95 // 100) - 1]
