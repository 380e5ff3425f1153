"""Finds how many calls an endpoint can work on at once. Pure: told what starts and ends, it moves `limit`.

Slow start: the limit doubles (from BRISK on it grows by half an octave, so that it cannot overshoot far) until the
first sign of saturation. A sign is a refusal (429, 503, 529), or that more slots bring no more throughput: by Little's
law throughput is limit / latency, so the latencies of two limits, compared role by role, tell it. Servers that queue
(vLLM, llama.cpp) never refuse and are found by this alone. From then on growth is additive and on trial: a few slots
more, kept only if they pay, or a few less, kept if nothing is lost by it; each failed trial makes the next one wait
longer. A refusal cuts the limit, once per episode.

Only calls that start while every slot is taken count, so an idle throttle learns nothing. A sample is the first calls
that start under a limit, short and long alike, judged once nearly all of them are back (the others count with the time
they have taken so far); noisy latencies are sampled longer, until chance can hardly explain the difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

START = 16
BRISK = 32
"""Up to here the limit doubles; beyond it grows by the root of two."""
CUT = 0.7
STEP = 0.2
"""Of the limit: how many slots more or less a trial takes, twice as many after each trial that was won."""
PAYS = 0.3
"""Share of the ideal gain in throughput that more slots must bring."""
MAX_PATIENCE = 64
"""Samples between two trials, at most."""

_FEWEST_AT_END, _ENOUGH_AT_END = 300, 600
"""A sample ends, sure or not, after so many calls; nine times its limit between the two, four times it beyond."""
_NEARLY_ALL = 0.95
_MOST_FAILED = 0.2
_TELLING = BRISK * 3 // 2
"""Slots from which on the end of slow start is remembered: few slots bring few calls, which chance can fool."""
_SURE = 2.3  # standard errors; every look at a sample is one more chance to be fooled
_FEW = 5  # calls of one role that can be compared


@dataclass(slots=True)
class Sample:
    """Latencies of calls that started while `limit` was in use, in order of their start."""

    number: int
    limit: int
    size: int = 0
    """Calls that must have started, and nearly all of them ended, before it is looked at."""
    roles: list[str] = field(default_factory=list)
    """"" of a call that was forgotten."""
    started: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """0 while the call runs."""
    ended: int = 0
    """Of the first `size` calls."""
    failed: int = 0
    """Calls that were forgotten because they failed."""
    summary: dict[str, tuple[int, float, float]] = field(default_factory=dict)
    """By role: calls, mean seconds, that mean's relative error; as of the last look."""

    def __post_init__(self) -> None:
        self.size = max(self.limit, 6 * _FEW)

    @property
    def most(self) -> int:
        """Calls it may grow to."""
        return max(_FEWEST_AT_END, min(9 * self.limit, _ENOUGH_AT_END), 4 * self.limit)

    @property
    def is_ready(self) -> bool:
        """Whether it can be looked at."""
        return self.ended >= _NEARLY_ALL * self.size

    def grow(self) -> None:
        """Take more calls in."""
        self.size = min(self.most, self.size + max(self.limit // 2, 2 * _FEW))
        self.ended = sum(value > 0 for value in self.seconds[: self.size])

    def look(self, now: float) -> None:
        """Bring the summary up to date."""
        by_role: dict[str, list[float]] = {}
        for role, started, seconds in zip(self.roles[: self.size], self.started, self.seconds, strict=False):
            if role:
                by_role.setdefault(role, []).append(seconds or now - started)
        for role, values in by_role.items():
            if len(values) >= _FEW:
                mean = max(1e-6, sum(values) / len(values))
                spread = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
                self.summary[role] = len(values), mean, spread / mean / math.sqrt(len(values))


class ConcurrencyFinder:
    """Moves `limit` between 1 and `ceiling`.

    Args:
        ceiling: the most it may find.
        warm: a limit found by an earlier run, None for a slow start.

    Attributes:
        limit: calls that may be in flight.
        reason: why the limit is what it is, for people.
    """

    def __init__(self, ceiling: int, warm: int | None = None) -> None:
        self._ceiling = max(1, ceiling)
        self.limit = min(self._ceiling, warm or START)
        self.reason = "as an earlier run found it" if warm else "slow start"
        self._is_doubling = warm is None
        self._base: Sample | None = None  # what the current sample is compared with
        self._direction = 1  # of the next trial
        self._step = STEP
        self._patience = 2
        self._held = 0
        self._refused_at: int | None = None
        self._flat_at: int | None = None  # where slow start saw no more throughput
        self._good = 0  # the last limit that was held for a whole sample without a refusal
        self._last_cut = float("-inf")
        self._sample = Sample(0, self.limit)

    def note_start(self, role: str, now: float) -> tuple[int, int] | None:
        """A call starts and takes the last free slot; a ticket for `note_finish`, None if it is not sampled."""
        sample = self._sample
        if len(sample.roles) >= sample.most:
            return None
        sample.roles.append(role)
        sample.started.append(now)
        sample.seconds.append(0.0)
        return sample.number, len(sample.roles) - 1

    def note_finish(self, ticket: tuple[int, int], now: float) -> bool:
        """A sampled call was answered; whether the limit changed."""
        sample, (number, index) = self._sample, ticket
        if number != sample.number:
            return False
        sample.seconds[index] = max(1e-6, now - sample.started[index])
        if index >= sample.size:
            return False
        sample.ended += 1
        return sample.is_ready and self._consider(sample, now)

    def forget(self, ticket: tuple[int, int]) -> None:
        """A sampled call was not made, or says nothing: the sample is complete without it."""
        sample, (number, index) = self._sample, ticket
        if number != sample.number:
            return
        sample.roles[index] = ""
        sample.seconds[index] = math.inf  # ended
        sample.ended += index < sample.size

    def note_failure(self, ticket: tuple[int, int]) -> None:
        """A sampled call failed sooner than a reply would have come: forgotten, unless too many do to try more."""
        sample = self._sample
        if ticket[0] == sample.number and sample.failed < _MOST_FAILED * sample.size:
            sample.failed += 1
            self.forget(ticket)

    def note_refusal(self, started: float, now: float, floor: int = 1) -> bool:
        """A call that started at `started` was refused for too much load; whether the limit changed.

        Args:
            started: when the call started.
            now: when it was refused.
            floor: calls that must be able to be in flight, for another limit holds them back.
        """
        if started <= self._last_cut:
            return False  # the same episode
        if floor >= self.limit:
            return False
        self._last_cut = now
        self._flat_at = None
        self._refused_at = self.limit
        good, self._good = self._good, 0
        least = max(1, int(self.limit * CUT))
        self._is_doubling = False
        self._direction = 1
        self._base = None
        self._held, self._patience = 0, min(MAX_PATIENCE, max(4, self._patience * 2))
        limit = good if least <= good < self.limit else least
        return self._move(max(limit, floor), "the server refused a call")

    def begin_again(self) -> None:
        """The refusals that made the limit smaller said nothing of it: slow start from where it is."""
        self._is_doubling, self._base = True, None
        self._refused_at = self._flat_at = None
        self._held = self._good = 0
        self._move(self.limit, "a few calls are refused however few are in flight")

    def _consider(self, sample: Sample, now: float) -> bool:
        """Decide about a sample that has calls enough, or let it grow."""
        sample.look(now)
        if self._base is None or self._base.limit == sample.limit:
            return self._hold(sample, now)
        is_more = sample.limit > self._base.limit
        pays = self._pays(*((self._base, sample) if is_more else (sample, self._base)), sure=sample.size < sample.most)
        if pays is None:
            sample.grow()
            return sample.is_ready and self._consider(sample, now)
        if self._is_doubling:
            return self._double(self._base, sample, now, pays=pays)
        if pays is is_more:  # the trial is won: from here on
            self._step *= 2 if is_more else 1
            self._held, self._patience = 0, 1
            return self._hold(sample, now)
        self._step = STEP
        self._direction = -self._direction
        self._held, self._patience = 0, min(MAX_PATIENCE, self._patience * 2)
        return self._move(self._base.limit, "more calls at once bring no more throughput" if is_more else "all in use")

    def _double(self, base: Sample, sample: Sample, now: float, *, pays: bool) -> bool:
        if pays:
            self._base = sample
            return self._step_up(sample, now)
        self._is_doubling = False
        self._flat_at = sample.limit if sample.limit > _TELLING else None
        gain = math.exp(self._log_gain(base, sample)[0])
        self._base, self._step, self._patience = None, 0.3, 1  # chance may have fooled us: look again soon
        limit = min(sample.limit, math.ceil(base.limit * max(1.0, gain) * 1.05))
        return self._move(limit, "more calls at once bring no more throughput")

    def _hold(self, sample: Sample, now: float) -> bool:
        """A sample at the limit that is held: after enough of them, try more."""
        self._base = sample
        if self._is_doubling:
            return self._step_up(sample, now)
        if sample.size < sample.most:  # what trials are compared with must be no guess
            sample.grow()
            return sample.is_ready and self._consider(sample, now)
        self._held += 1
        self._good = sample.limit
        step = self._step if self._direction > 0 else STEP
        wanted = sample.limit + self._direction * max(1, int(sample.limit * min(step, 0.3)))
        if self._flat_at is not None and self._direction > 0:
            if sample.limit >= _NEARLY_ALL * self._flat_at:
                self._flat_at = None  # chance may have fooled us then
            elif wanted > self._flat_at:
                wanted = (sample.limit + self._flat_at) // 2
        patience = self._patience
        if self._refused_at is not None and self._direction > 0:
            if sample.limit >= self._refused_at:
                self._refused_at = None  # the server has more room than then
            elif wanted >= self._refused_at > sample.limit + sample.limit // 20 + 1:
                wanted = (sample.limit + self._refused_at) // 2
            if self._refused_at is not None and wanted < self._refused_at:
                patience = 1  # below what was refused, growth is safe
        if self._held < patience or not 1 <= wanted <= self._ceiling:
            if self._held >= patience:
                self._direction = -self._direction
            self._sample = Sample(sample.number + 1, self.limit)
            return False
        return self._move(wanted, "trying more calls at once" if self._direction > 0 else "trying fewer calls at once")

    def _step_up(self, sample: Sample, now: float) -> bool:
        limit = sample.limit
        if limit >= self._ceiling:
            self._is_doubling = False
            return self._hold(sample, now)
        return self._move(limit * 2 if limit < BRISK else math.ceil(limit * math.sqrt(2)), "slow start")

    def _move(self, limit: int, reason: str) -> bool:
        changed = (limit := min(limit, self._ceiling)) != self.limit
        self.limit, self.reason = limit, reason
        self._sample = Sample(self._sample.number + 1, limit)
        return changed

    def _pays(self, base: Sample, sample: Sample, *, sure: bool) -> bool | None:
        """Whether the larger limit brought enough more throughput; None while it must be sure and is not."""
        gain, error = self._log_gain(base, sample)
        threshold = math.log(1 + PAYS * (sample.limit / base.limit - 1))
        return None if sure and abs(gain - threshold) < _SURE * error else gain > threshold

    @staticmethod
    def _log_gain(base: Sample, sample: Sample) -> tuple[float, float]:
        """Logarithm of the ratio of throughputs, and its standard error; roles only one of them has say nothing."""
        before, after = base.summary, sample.summary
        total, weights, variance = 0.0, 0.0, 0.0
        for role in before.keys() & after.keys():
            (n, seconds_n, error_n), (m, seconds_m, error_m) = before[role], after[role]
            weight = n * m / (n + m)
            total += weight * math.log(seconds_m / seconds_n)
            variance += weight * weight * (error_n**2 + error_m**2)
            weights += weight
        growth = math.log(sample.limit / base.limit)
        if not weights:
            return growth, math.inf
        return growth - total / weights, math.sqrt(variance) / weights
