"""How many calls to one endpoint are in flight at once, and how fast they follow one another.

A slot is held for one attempt, never during back-off. Who waits is served in order of seed position, so that lineages
finish depth first and a run that stops early leaves whole lineages. The number of slots is fixed, or moved by a
`ConcurrencyFinder`; a refusal pauses everybody for as long as the server asks, and teaches the pace (`PaceFinder`);
what the user set (`--rpm`, `--tpm`) holds over all endpoints. The clock is injected, timers are the event loop's.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from evol.adaptive import ConcurrencyFinder
from evol.rates import MAX_WAIT, Bucket, PaceFinder, RateHint
from evol.records import CompletionRequest, ThrottleChange

FIXED = "a fixed number"
FIRST_PAUSE = 0.5
"""Seconds to pause after a refusal that does not say how long; doubled while nothing is granted."""
LONGEST_PAUSE = 15.0
BUSY_SHARE = 0.1
"""Share of the last calls that a server must turn away for want of room before there are fewer of them, beyond twice
what it always does: some servers fail a few calls at any load."""
MIN_SPACING = 0.003
"""Seconds between two calls, for a while after a pause."""
LONG_LINE = 4096
"""Places in a line before those are cleared away that nobody stands in any more."""
ROOM = 1.5
"""Times the calls in flight that a learnt pace needs: so many slots are left to it."""


class Rates:
    """What the user allows a minute, over all endpoints.

    Args:
        rpm: requests, None for any.
        tpm: tokens in and out, None for any.
        now: seconds.
    """

    def __init__(self, rpm: float | None, tpm: float | None, now: float) -> None:
        self._requests = Bucket(rpm, now) if rpm else None
        self._tokens = Bucket(tpm, now) if tpm else None

    def wait_for(self, tokens: float, now: float) -> float:
        """Seconds until one request of about so many tokens may go."""
        waits = [0.0]
        if self._requests:
            waits.append(self._requests.wait_for(1, now))
        if self._tokens:
            waits.append(self._tokens.wait_for(tokens, now))
        return max(waits)

    def take(self, tokens: float, now: float) -> None:
        """One request goes."""
        if self._requests:
            self._requests.take(1, now)
        self.settle(tokens, now)

    def settle(self, tokens: float, now: float) -> None:
        """Take what an estimate fell short by; negative gives back."""
        if self._tokens:
            self._tokens.take(tokens, now)

    def give_back(self, tokens: float, now: float) -> None:
        """One request that was taken does not go."""
        if self._requests:
            self._requests.take(-1, now)
        self.settle(-tokens, now)


@dataclass(slots=True)
class Slot:
    """A held slot.

    Attributes:
        begun: when it was granted, in seconds of the throttle's clock.
        tokens: the estimate that was taken from the user's limit.
        ticket: of the concurrency finder.
    """

    begun: float
    tokens: float
    ticket: tuple[int, int] | None = None


Granted: TypeAlias = "asyncio.Future[tuple[Throttle, Slot]]"
"""Gets the slot of whoever stands in line, and the throttle that it is of."""


async def wait_for_slot(granted: Granted) -> tuple[Throttle, Slot]:
    """Wait until a future that stands in line is served; a slot that comes together with a cancellation is given back.

    Raises:
        whatever `Throttle.turn_away` was given.
    """
    try:
        return await granted
    except asyncio.CancelledError:
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            throttle, slot = granted.result()
            throttle.give_back(slot)
        raise


class Throttle:
    """The slots of one endpoint and model.

    Args:
        label: of the endpoint, for the records.
        slots: a fixed number, or who finds it.
        clock: seconds, monotonic.
        rates: what the user allows, shared by all throttles.
        pace: requests a second that an earlier run has found, None for none.
        record: gets every change of slots or pace.
        grown: is called when slots were added.
        wall: seconds since the epoch, for the records.
    """

    def __init__(
        self,
        label: str,
        slots: int | ConcurrencyFinder,
        clock: Callable[[], float],
        rates: Rates | None = None,
        pace: float | None = None,
        record: Callable[[ThrottleChange], None] = lambda change: None,
        grown: Callable[[], None] = lambda: None,
        wall: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.label = label
        self._finder = slots if isinstance(slots, ConcurrencyFinder) else None
        self.limit = slots.limit if isinstance(slots, ConcurrencyFinder) else slots
        self.in_flight = 0
        self._clock = clock
        self._rates = rates
        self._pace = PaceFinder(pace)
        self._record = record
        self._grown = grown
        self._wall = wall
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, float, str, Granted]] = []
        self._clear_at = LONG_LINE
        self._paused_until = float("-inf")
        self._pause = FIRST_PAUSE
        self._tokens_per_call = 1.0
        self._latency = 0.0
        self._granted_at = self._spaced_until = float("-inf")
        self._spacing = 0.0
        self._usually_busy = 0.0
        self._busy = 0.0  # share of the last calls that were turned away for want of room
        self._granted = True  # a reply came since the last refusal
        self._timer: asyncio.TimerHandle | None = None
        self._is_used = False

    @property
    def pace(self) -> float | None:
        """Requests a second, None where the server has not refused any."""
        return self._pace.rate

    def is_free(self, tokens: float = 0.0) -> bool:
        """Whether a request of about so many tokens would get its slot at once."""
        return self.in_flight < self.limit and not self._waiting and self._wait(tokens, self._clock()) <= 0

    async def acquire(self, request: CompletionRequest, tokens: float = 0.0) -> Slot:
        """Wait for a slot; seeds that stand earlier are served first.

        Args:
            request: its position and role count.
            tokens: about how many it will take, in and out.

        Raises:
            whatever `turn_away` was given.
        """
        if self.in_flight < self.limit and not self._waiting:
            now = self._clock()
            if self._wait(tokens, now) <= 0:
                return self._grant(tokens, request.role, now)
        granted: Granted = asyncio.get_running_loop().create_future()
        self.queue(request, tokens, granted)
        return (await wait_for_slot(granted))[1]

    def queue(self, request: CompletionRequest, tokens: float, granted: Granted) -> None:
        """Stand in line for a slot; a future may stand in several lines, and is served in one.

        Args:
            request: its position and role count.
            tokens: about how many it will take, in and out.
            granted: gets this throttle and the slot, or the error of `turn_away`.
        """
        if len(self._waiting) >= self._clear_at:  # of a server that hangs: all others were served in another line
            self._waiting = [one for one in self._waiting if not one[4].done()]
            heapq.heapify(self._waiting)
            self._clear_at = max(LONG_LINE, 2 * len(self._waiting))
        heapq.heappush(self._waiting, (request.position, next(self._order), tokens, request.role, granted))
        self._dispatch()

    def turn_away(self, error: Callable[[], Exception]) -> None:
        """Whoever waits gets an error instead of a slot."""
        for *_, granted in self._waiting:
            if not granted.done():
                granted.set_exception(error())
        self._waiting.clear()

    def release(self, slot: Slot) -> None:
        """Give a slot back, or on to whoever is next."""
        self.in_flight -= 1
        if self._waiting:
            self._dispatch()

    def give_back(self, slot: Slot) -> None:
        """Release a slot in which no call was made: nothing is learnt from it, and it counts for no limit."""
        if self._finder and slot.ticket:
            self._finder.forget(slot.ticket)
        if self._rates:
            self._rates.give_back(slot.tokens, self._clock())
        self.release(slot)

    def note_reply(self, slot: Slot, tokens: float, hint: RateHint | None) -> None:
        """The call of a slot was answered.

        Args:
            slot: before its release.
            tokens: that it took, in and out, as far as known; else the estimate.
            hint: what the reply's headers say.
        """
        now = self._clock()
        self._pause = FIRST_PAUSE
        self._granted = True
        self._note_busy(0.0)
        self._latency += (now - slot.begun - self._latency) * (0.05 if self._latency else 1.0)
        self._pace.note_granted()
        self._tokens_per_call += (tokens - self._tokens_per_call) * 0.1
        if self._rates:
            self._rates.settle(tokens - slot.tokens, now)
        if hint is not None:
            self._heed(hint, now)
        if self._finder:
            if slot.ticket and self._finder.note_finish(slot.ticket, now):
                self._adopt(self._finder.reason)
            elif self.limit < self._finder.limit:
                self.limit += 1  # one more for each reply: no burst, and no crowd of refusals when it was too much
                self._grown()

    def note_refusal(self, slot: Slot, retry_after: float | None, hint: RateHint | None, *, is_rate: bool) -> float:
        """The call of a slot was refused for too many requests or too much load.

        Args:
            slot: before its release.
            retry_after: seconds the server asks to wait, None where it does not.
            hint: what else the reply's headers say.
            is_rate: the server counts requests (429); else it has no room.

        Returns:
            Seconds that everybody waits, counted from now.
        """
        now = self._clock()
        if not is_rate:
            self._note_busy(1.0)
        current = self.in_flight / max(self._latency, 1e-3)
        was_moot = self._pace.is_moot
        is_new = self._pace.note_refused(slot.begun, now, current) if is_rate else False
        is_blocked, self._granted = not self._granted, False  # whoever asks while all is blocked learns nothing new
        floor = math.ceil((self.pace or 0.0) * self._latency * ROOM)
        is_moot = is_rate and self._pace.is_moot
        if is_moot and not was_moot:
            self._note_moot()
        if is_moot and not is_blocked:
            if hint is not None:
                self._heed(hint, now)
            if self._finder and slot.ticket:
                self._finder.forget(slot.ticket)
            return FIRST_PAUSE if retry_after is None else min(retry_after, MAX_WAIT)
        if retry_after is None and (is_new or (is_moot and now >= self._paused_until)):
            retry_after, self._pause = self._pause, min(LONGEST_PAUSE, self._pause * 2)
        self._paused_until = max(self._paused_until, now + min(retry_after or 0.0, MAX_WAIT))
        self._space_out(0.0, self._paused_until + 1.0)
        if hint is not None:
            self._heed(hint, now)
        is_reason = is_rate or self._busy >= BUSY_SHARE + 2 * min(self._usually_busy, 0.05)
        if self._finder and is_reason and not is_blocked and self._finder.note_refusal(slot.begun, now, max(1, floor)):
            self._adopt(self._finder.reason)
        elif is_new and not is_blocked:
            self._note("the server refused a call")
        return self._paused_until - now

    def _note_moot(self) -> None:
        """Refusals have been found to say nothing of pace and slots: neither is held back by them."""
        if self._finder:
            self._finder.begin_again()
            self._adopt(self._finder.reason)
        else:
            self._note("a few calls are refused at any pace")

    def _note_busy(self, busy: float) -> None:
        self._busy += (busy - self._busy) * 0.03
        self._usually_busy += (busy - self._usually_busy) * 0.003

    def note_failure(self, slot: Slot) -> None:
        """The call of a slot brought no reply: the tokens that were taken for it are given back.

        One that failed sooner than a reply would have come says nothing of the load; one that hung took so long.
        """
        now = self._clock()
        if self._rates:
            self._rates.settle(-slot.tokens, now)
        if self._finder and slot.ticket:
            if not self._latency or now - slot.begun < self._latency:
                self._finder.note_failure(slot.ticket)
            elif self._finder.note_finish(slot.ticket, now):
                self._adopt(self._finder.reason)

    def close(self) -> None:
        """Record where it ended, for a later run to begin there."""
        if self._timer is not None:
            self._timer.cancel()
        if self._finder and self._is_used:
            self._note("end of the run")

    def _heed(self, hint: RateHint, now: float) -> None:
        """Space the calls out before a limit is exceeded that the server has told."""
        for allowance, need in ((hint.requests, 1.0), (hint.tokens, self._tokens_per_call)):
            if allowance is not None and (wait := allowance.wait_for(need)) > 0:
                self._paused_until = max(self._paused_until, now + wait)
                self._space_out(wait, now + wait + min(allowance.reset, MAX_WAIT))

    def _space_out(self, seconds: float, until: float) -> None:
        """No crowd after a pause: who comes first shall be answered before many follow."""
        self._spacing, self._spaced_until = max(seconds, MIN_SPACING), until

    def _wait(self, tokens: float, now: float) -> float:
        """Seconds until the next request may go, slots aside."""
        wait = max(self._paused_until - now, self._pace.wait(now))
        if now < self._spaced_until:
            wait = max(wait, self._granted_at + self._spacing - now)
        return max(wait, self._rates.wait_for(tokens, now)) if self._rates else wait

    def _grant(self, tokens: float, role: str, now: float) -> Slot:
        self.in_flight += 1
        if not self._is_used:
            self._is_used = True
            self._note(FIXED if self._finder is None else self._finder.reason)
        self._granted_at = now
        self._pace.take(now)
        if self._rates:
            self._rates.take(tokens, now)
        slot = Slot(now, tokens)
        if self._finder and self.in_flight >= self._finder.limit:
            slot.ticket = self._finder.note_start(role, now)
        return slot

    def _dispatch(self) -> None:
        """Hand free slots to those who wait, as far as the rates allow; else come back when they do."""
        while self._waiting and self.in_flight < self.limit:
            if self._waiting[0][4].done():  # turned away, cancelled, or served in another line
                heapq.heappop(self._waiting)
                continue
            now = self._clock()
            wait = self._wait(self._waiting[0][2], now)
            if wait > 0:
                self._wake_in(wait)
                return
            _, _, tokens, role, granted = heapq.heappop(self._waiting)
            granted.set_result((self, self._grant(tokens, role, now)))

    def _wake_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._dispatch()

    def _adopt(self, reason: str) -> None:
        assert self._finder is not None  # noqa: S101 - only called with one
        self.limit = min(self.limit, self._finder.limit)
        self._note(reason)

    def _note(self, reason: str) -> None:
        pace = None if self.pace is None else round(self.pace, 3)
        self._record(
            ThrottleChange(
                time=round(self._wall(), 3),
                label=self.label,
                limit=self._finder.limit if self._finder else self.limit,
                pace=pace,
                in_flight=self.in_flight,
                reason=reason,
            )
        )
