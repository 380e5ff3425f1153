"""What a fake endpoint counts about itself: totals, and a histogram by second since the first request."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class EndpointStats:
    """Counts since the last reset; times are seconds of the event loop's clock.

    Attributes:
        requests: chat calls that arrived, refused ones included.
        completions: chat calls that got a completion.
        rejected: chat calls answered 429.
        dropped: chat calls whose client went away first.
        in_flight: arrived and not answered, waiting ones included.
        busy: in service at this moment.
        service_seconds: nominal service time of the completions.
        body_bytes: of all request bodies.
    """

    requests: int = 0
    completions: int = 0
    rejected: int = 0
    dropped: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    busy: int = 0
    service_seconds: float = 0.0
    body_bytes: int = 0
    first: float | None = None
    last: float | None = None
    _admitted: list[int] = field(default_factory=list)
    _completions: list[int] = field(default_factory=list)
    _rejected: list[int] = field(default_factory=list)
    _peaks: list[int] = field(default_factory=list)
    _busy: list[float] = field(default_factory=list)
    _accounted: float = 0.0
    _cpu: float = field(default_factory=time.process_time)

    def arrive(self, now: float, size: int) -> None:
        """A chat call has come, with this many bytes of body."""
        if self.first is None:
            self.first = self._accounted = now
        self.requests += 1
        self.body_bytes += size
        self.in_flight += 1
        if self.in_flight > self.peak_in_flight:
            self.peak_in_flight = self.in_flight
        second = int(now - self.first)
        while second >= len(self._peaks):
            self._peaks.append(0)
        if self.in_flight > self._peaks[second]:
            self._peaks[second] = self.in_flight

    def admit(self, now: float) -> None:
        """A chat call passed the limit, if there is one."""
        self._count(self._admitted, now)

    def reject(self, now: float) -> None:
        """A chat call was answered 429."""
        self.rejected += 1
        self.in_flight -= 1
        self._count(self._rejected, now)

    def complete(self, now: float, service: float) -> None:
        """A chat call got its completion after this nominal service time."""
        self.completions += 1
        self.service_seconds += service
        self.in_flight -= 1
        self.last = now
        self._count(self._completions, now)

    def drop(self) -> None:
        """The client of a chat call went away."""
        self.dropped += 1
        self.in_flight -= 1

    def occupy(self, now: float, change: int) -> None:
        """Servers became busy (+1) or idle (-1)."""
        self._account(now)
        self.busy += change

    def report(self, now: float) -> dict[str, Any]:
        """Everything as plain values; `by_second` counts from the first request."""
        self._account(now)
        return {
            "requests": self.requests,
            "completions": self.completions,
            "rejected": self.rejected,
            "dropped": self.dropped,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "service_seconds": self.service_seconds,
            "busy_slot_seconds": sum(self._busy),
            "body_bytes": self.body_bytes,
            "first": self.first,
            "last": self.last,
            "now": now,
            "cpu_seconds": time.process_time() - self._cpu,
            "by_second": {
                "admitted": self._admitted,
                "completions": self._completions,
                "rejected": self._rejected,
                "peak_in_flight": self._peaks,
                "busy_slot_seconds": self._busy,
            },
        }

    def _count(self, histogram: list[int], now: float) -> None:
        assert self.first is not None
        second = int(now - self.first)
        while second >= len(histogram):
            histogram.append(0)
        histogram[second] += 1

    def _account(self, now: float) -> None:
        """Add busy servers x time to the seconds it fell into."""
        if self.first is None:
            return
        begun, self._accounted = self._accounted - self.first, now
        end = now - self.first
        while begun < end:
            second = int(begun)
            stop = min(end, second + 1.0)
            while second >= len(self._busy):
                self._busy.append(0.0)
            self._busy[second] += self.busy * (stop - begun)
            begun = stop
