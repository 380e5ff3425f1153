"""The rate limits a fake endpoint can have: token bucket, fixed window, sliding window; the clock is an argument.

A request that is refused is not counted. `allowance` is what a client that never wastes a permit would have been
admitted, so that a share of the allowed rate can be computed at the server.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

MINUTE = 60.0


class Limiter(Protocol):
    """Admits or refuses one request at a time; all times are seconds of one monotonic clock."""

    limit: int

    def admit(self, now: float) -> bool:
        """Whether a request that arrives now may pass; counts it if so."""

    def remaining(self, now: float) -> int:
        """Requests that would pass at once."""

    def next_permit(self, now: float) -> float:
        """Seconds until a request would pass, 0 if one would now."""

    def reset(self, now: float) -> float:
        """Seconds until the limit is back at its full size (OpenAI's `x-ratelimit-reset-requests`)."""

    def allowance(self, seconds: float) -> float:
        """The most requests that could pass in this many seconds from the first one on."""


@dataclass
class TokenBucket:
    """`limit` tokens a minute flow in evenly, up to `capacity`; it starts full."""

    limit: int
    capacity: int
    _tokens: float = field(init=False)
    _seen: float | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._tokens = float(self.capacity)

    def admit(self, now: float) -> bool:
        """See `Limiter`."""
        self._refill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def remaining(self, now: float) -> int:
        """See `Limiter`."""
        self._refill(now)
        return int(self._tokens)

    def next_permit(self, now: float) -> float:
        """See `Limiter`."""
        self._refill(now)
        return max(0.0, 1 - self._tokens) * MINUTE / self.limit

    def reset(self, now: float) -> float:
        """See `Limiter`."""
        self._refill(now)
        return (self.capacity - self._tokens) * MINUTE / self.limit

    def allowance(self, seconds: float) -> float:
        """See `Limiter`."""
        return self.capacity + self.limit * seconds / MINUTE

    def _refill(self, now: float) -> None:
        if self._seen is not None:
            self._tokens = min(self.capacity, self._tokens + (now - self._seen) * self.limit / MINUTE)
        self._seen = now


@dataclass
class FixedWindow:
    """`limit` requests in each minute; the first minute begins with the first request."""

    limit: int
    _begun: float | None = field(init=False, default=None)
    _used: int = field(init=False, default=0)

    def admit(self, now: float) -> bool:
        """See `Limiter`."""
        self._turn(now)
        if self._used >= self.limit:
            return False
        self._used += 1
        return True

    def remaining(self, now: float) -> int:
        """See `Limiter`."""
        self._turn(now)
        return self.limit - self._used

    def next_permit(self, now: float) -> float:
        """See `Limiter`."""
        return 0.0 if self.remaining(now) else self.reset(now)

    def reset(self, now: float) -> float:
        """See `Limiter`."""
        return MINUTE - (now - self._turn(now))

    def allowance(self, seconds: float) -> float:
        """See `Limiter`."""
        return self.limit * math.ceil(seconds / MINUTE)

    def _turn(self, now: float) -> float:
        if self._begun is None:
            self._begun = now
        if now - self._begun >= MINUTE:
            self._begun += MINUTE * int((now - self._begun) / MINUTE)
            self._used = 0
        return self._begun


@dataclass
class SlidingWindow:
    """`limit` requests in any minute that ends now."""

    limit: int
    _times: deque[float] = field(init=False, default_factory=deque)

    def admit(self, now: float) -> bool:
        """See `Limiter`."""
        if not self.remaining(now):
            return False
        self._times.append(now)
        return True

    def remaining(self, now: float) -> int:
        """See `Limiter`."""
        while self._times and self._times[0] <= now - MINUTE:
            self._times.popleft()
        return self.limit - len(self._times)

    def next_permit(self, now: float) -> float:
        """See `Limiter`."""
        return 0.0 if self.remaining(now) else self._times[0] + MINUTE - now

    def reset(self, now: float) -> float:
        """See `Limiter`."""
        return self._times[-1] + MINUTE - now if self.remaining(now) < self.limit else 0.0

    def allowance(self, seconds: float) -> float:
        """See `Limiter`."""
        return self.limit * math.ceil(seconds / MINUTE)


def make_limiter(kind: str, limit: int, burst: int) -> Limiter:
    """The limiter of a name; `burst` is the capacity of the bucket, the windows have none.

    Args:
        kind: `bucket`, `fixed` or `sliding`.
        limit: requests a minute.
        burst: requests.
    """
    match kind:
        case "bucket":
            return TokenBucket(limit, burst)
        case "fixed":
            return FixedWindow(limit)
        case "sliding":
            return SlidingWindow(limit)
    raise ValueError(kind)


def make_headers(limiter: Limiter, now: float) -> bytes:
    """OpenAI's `x-ratelimit-*` lines: true for requests, and tokens in plenty (only requests are limited here)."""
    reset = limiter.reset(now)
    return (
        b"x-ratelimit-limit-requests: %d\r\nx-ratelimit-remaining-requests: %d\r\nx-ratelimit-reset-requests: %s\r\n"
        b"x-ratelimit-limit-tokens: 100000000\r\nx-ratelimit-remaining-tokens: 99990000\r\n"
        b"x-ratelimit-reset-tokens: 6ms\r\n"
    ) % (limiter.limit, limiter.remaining(now), format_duration(reset).encode())


def format_duration(seconds: float) -> str:
    """A time as OpenAI writes it in these headers: `20ms`, `1.5s`, `1m2.5s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:.3g}s" if minutes else f"{rest:.3g}s"
