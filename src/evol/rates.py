"""How fast requests may be sent: what a server's headers say, buckets a user sets, a pace learnt from refusals.

Pure: every time is passed in, in seconds of one clock; nothing here waits. `throttle.py` waits.

Sources: Retry-After is RFC 9110, 10.2.3; `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` are the names that
OpenAI documents and most servers follow, with reset as a duration ("1s", "6m0s", "20ms"), as seconds, or as an epoch.
"""

from __future__ import annotations

import contextlib
import email.utils
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from evol.slowing import Slowing

MAX_WAIT = 300.0
"""Seconds; whatever a server asks for, it is asked again after this long."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_EPOCH = 1e9
"""A bare reset value above this is a moment, not a duration."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a server says is left of one of its limits.

    Attributes:
        left: requests or tokens, from 0.
        reset: seconds until the limit is whole again.
        limit: its size, 0 where the server does not say.
    """

    left: float
    reset: float
    limit: float

    def wait_for(self, need: float) -> float:
        """Seconds until `need` should be there, taking the limit to refill evenly where its size is known."""
        if self.left >= need:
            return 0.0
        used = self.limit - self.left
        share = min(1.0, (need - self.left) / used) if used > 0 else 1.0
        return min(self.reset * share, MAX_WAIT)


@dataclass(frozen=True, slots=True)
class RateHint:
    """What the headers of one reply say about rates.

    Attributes:
        requests: None where they say nothing.
        tokens: None where they say nothing.
        retry_after: seconds, None where they do not ask.
        odd: a header that cannot be right, "" where none is; it is passed over.
    """

    requests: Allowance | None = None
    tokens: Allowance | None = None
    retry_after: float | None = None
    odd: str = ""


def read_hint(headers: Mapping[str, str], now: float) -> RateHint | None:
    """Read all rate headers; None where there are none.

    Args:
        headers: of the reply; names in any case.
        now: seconds since the epoch, for servers that name moments and send no Date.
    """
    odd: list[str] = []
    requests = _read_allowance(headers, "requests", now, odd)
    tokens = _read_allowance(headers, "tokens", now, odd)
    retry_after = read_retry_after(headers, now, odd)
    if requests is None and tokens is None and retry_after is None and not odd:
        return None
    return RateHint(requests, tokens, retry_after, odd[0] if odd else "")


def read_retry_after(headers: Mapping[str, str], now: float, odd: list[str] | None = None) -> float | None:
    """Seconds a server asks to wait: `retry-after-ms`, or Retry-After in seconds or as an HTTP date.

    A date is compared with the server's own Date, so that a clock that is wrong or jumps on either side does no harm.

    Returns:
        Seconds from 0, None where the headers say nothing that can be read.
    """
    for name, scale in (("retry-after-ms", 0.001), ("Retry-After", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) * scale
        except ValueError:
            seconds = _read_date(value, headers.get("Date"), now)
        if 0 <= seconds < float("inf"):
            return seconds
        if odd is not None:
            odd.append(f"{name}: {value[:60]}")
    return None


def _read_date(value: str, server_now: str | None, now: float) -> float:
    """Seconds from now to an HTTP date, not below 0; NaN where it is none."""
    try:
        moment = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return math.nan
    with contextlib.suppress(ValueError, OverflowError):
        now = email.utils.parsedate_to_datetime(server_now or "").timestamp()
    return max(0.0, moment - now)


def _read_allowance(headers: Mapping[str, str], kind: str, now: float, odd: list[str]) -> Allowance | None:
    name = f"x-ratelimit-remaining-{kind}"
    text = headers.get(name)
    if text is None:
        return None
    left = _read_number(text)
    reset_name = f"x-ratelimit-reset-{kind}"
    reset_text = headers.get(reset_name, "")
    reset = _read_reset(reset_text, now)
    limit = _read_number(headers.get(f"x-ratelimit-limit-{kind}", ""))
    if math.isnan(left):
        odd.append(f"{name}: {text[:60]}")
        return None
    if math.isnan(reset):
        if reset_text:
            odd.append(f"{reset_name}: {reset_text[:60]}")
        return None
    return Allowance(left, reset, 0.0 if math.isnan(limit) else limit)


def _read_number(text: str) -> float:
    """A finite number from 0, else NaN."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if 0 <= value < float("inf") else math.nan


def _read_reset(text: str, now: float) -> float:
    """Seconds until a reset, NaN where it cannot be read."""
    value = _read_number(text)
    if not math.isnan(value):
        if value >= _EPOCH * 1000:
            value /= 1000  # milliseconds
        return max(0.0, value - now) if value >= _EPOCH else value
    parts = _DURATION.findall(text.strip().lower())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lower():
        return math.nan
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class Bucket:
    """A limit per minute that the user sets: never more than `per_minute` in any 60 seconds.

    It holds a second's worth and refills evenly; the refill is slower by what it holds, so that the sum over a minute
    keeps the limit. More than it holds may be taken at once when it is full; the debt is waited for afterwards.

    Args:
        per_minute: requests or tokens.
        now: seconds.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._size = max(1.0, per_minute / 60 / 4)
        self._rate = max(per_minute - self._size, per_minute / 2) / 60
        self._level = self._size
        self._at = now

    def wait_for(self, need: float, now: float) -> float:
        """Seconds until `need` may be taken."""
        self._refill(now)
        missing = min(need, self._size) - self._level
        return missing / self._rate if missing > 1e-9 else 0.0

    def take(self, amount: float, now: float) -> None:
        """Take; negative gives back what an estimate took too much."""
        self._refill(now)
        self._level -= amount

    def _refill(self, now: float) -> None:
        if now > self._at and self._level < self._size:
            self._level = min(self._size, self._level + (now - self._at) * self._rate)
        self._at = now


class PaceFinder:
    """Learns how many requests a second a server grants, from the moments at which it refuses.

    Free until the first refusal. Between two refusals the server granted what it allows: that rate, a little less, is
    the pace; while no refusal comes it rises, slowly near the limit that was just met, fast once that limit has gone.
    Refusals of requests that were sent before the last one was answered belong to the same episode. Some servers refuse
    a few requests at any pace: where slowing down is seen not to help, the pace is free until it does.

    Attributes:
        rate: requests a second, None while free.
    """

    SAFETY = 0.98
    ENOUGH = 8
    """Granted requests that make a measurement; fewer say only that the pace is too high."""
    _CUT = 0.8
    _WEIGHT = 10
    _GROWTH = 0.00008  # of the rate, for each second, times the seconds of quiet
    _MAX_GROWTH = 0.05
    _HELD = 1.0  # seconds' worth that a limit is taken to save up at most

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate
        self._granted = 0
        self._active = 0.0  # seconds in which requests went out, since the last measurement
        self._active_since: float | None = None
        self._stopped_at: float | None = None
        self._paused = 0.0
        self._doubt = 0.0
        self._episode_at = float("-inf")
        self._holds_burst = False
        self._grown_at = float("-inf")
        self._next = 0.0
        self._slowing = Slowing()

    @property
    def is_moot(self) -> bool:
        """Whether a few requests are refused at any pace, so that nobody need wait for the refusal of another."""
        return self._slowing.is_useless

    def wait(self, now: float) -> float:
        """Seconds until the next request may go."""
        return max(0.0, self._next - now) if self.rate else 0.0

    def take(self, now: float) -> None:
        """A request goes."""
        late = 2.0  # requests that a late timer may make up for
        if self._active_since is None:
            self._active_since, late = now, 0.0
            if self._stopped_at is not None:
                self._paused += min(now - self._stopped_at, self._HELD)
        if self.rate:
            self._grow(now)
            self._next = max(self._next, now - late / self.rate) + 1 / self.rate

    def note_granted(self) -> None:
        """A request was answered."""
        self._granted += 1
        self._slowing.granted += 1

    def note_refused(self, sent_at: float, now: float, current: float = 0.0) -> bool:
        """A request that was sent at `sent_at` was refused.

        Args:
            sent_at: when it was sent.
            now: when it was refused.
            current: requests a second at present, as far as known; what was measured since the start knows too much of
                the slow beginning.

        Returns:
            Whether this begins a new episode.
        """
        self._slowing.refused += 1
        if sent_at <= self._episode_at:
            return False
        is_first = self._episode_at == float("-inf")
        if self._active_since is not None:
            self._active += now - self._active_since
        if self._slowing.judge(self.rate):
            self.rate = self._slowing.restore(self.rate, current)
            self._granted, self._active, self._paused = 0, 0.0, 0.0
        elif self._active > 0 and self._granted >= (2 if is_first else self.ENOUGH):
            self._measure()
            if is_first and self.rate is not None:
                self.rate, self._holds_burst = max(self.rate, current * self.SAFETY), True
            else:
                self._holds_burst = False
        elif self.rate and self._granted:
            self.rate *= self._CUT
            self._granted, self._active, self._paused = 0, 0.0, 0.0
        self._active_since = None
        self._stopped_at = self._episode_at = self._grown_at = now
        return True

    def _measure(self) -> None:
        """Set the pace by what was granted since the last measurement.

        A limit that refills while nothing is sent grants more at once afterwards: the truth lies between the rate over
        the active time alone and the one over the pauses too.
        """
        high = self._granted / self._active
        low = self._granted / (self._active + self._paused)
        measured = math.sqrt(high * low)
        self._doubt = high if high > 3 * low else 0.0
        if self.rate is None or self._holds_burst:  # a full bucket allows a burst: the next measurement replaces it
            self.rate = measured
        else:
            weight = self._granted / (self._granted + self._WEIGHT)
            self.rate = min(self.rate, self.rate * (1 - weight) + measured * weight)
        self.rate *= self.SAFETY
        self._granted, self._active, self._paused = 0, 0.0, 0.0

    def _grow(self, now: float) -> None:
        assert self.rate is not None  # noqa: S101 - only called with one
        quiet = now - max(self._episode_at, self._first_growth(now))
        is_brisk = self.is_moot or self.rate < self._doubt
        growth = self._MAX_GROWTH if is_brisk else min(self._MAX_GROWTH, self._GROWTH * quiet)
        self.rate *= 1 + growth * min(now - self._grown_at, 1.0)
        self._grown_at = now

    def _first_growth(self, now: float) -> float:
        """A pace known from an earlier run has met no refusal yet: its quiet begins with its first request."""
        if self._grown_at == float("-inf"):
            self._grown_at = self._episode_at = now
        return self._episode_at
