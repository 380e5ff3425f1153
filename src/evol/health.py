"""What is known about one endpoint and model: verified, failing, refusing. No calls, no sleeping but for `admit`.

An outage is OUTAGE_AFTER seconds in which several different calls failed and none succeeded. While it lasts one probe
goes out every PROBE_INTERVAL seconds and the retry time of the waiting calls stands still; after `give_up_after`
seconds the run ends. A few calls that fail alone are no outage: their own retry time runs out and their lineages stay
unfinished.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable

from evol.config import LimitsConfig
from evol.errors import CallRejected, EndpointError, TransientCallError
from evol.records import Role

SAME_REFUSALS = 20
"""Identical refusals of one role in a row that end the run."""
PROBE_INTERVAL = 30.0
"""Seconds between probes during an outage."""
OUTAGE_AFTER = 60.0
"""Seconds without a success that count as an outage, at most; a run that gives up soon notices sooner."""
FIRST_PATIENCE = 20.0
"""Seconds that others wait for the first call where there is another endpoint for them."""
MANY_CALLS = 5
"""Different calls that must have failed in that time; never more than there are slots, never fewer than two."""

_VARYING = re.compile(r"[0-9a-f-]{8,}|\d+")


class EndpointHealth:
    """The state of one endpoint and model.

    Args:
        label: for messages.
        limits: `give_up_after`.
        slots: calls in flight at once.
        clock: seconds, monotonic.
        endpoints: how many of them serve.

    Attributes:
        verified: roles whose first call was answered.
        outage_after: seconds without a success that count as an outage.
    """

    def __init__(
        self, label: str, limits: LimitsConfig, slots: int, clock: Callable[[], float], endpoints: int = 1
    ) -> None:
        self._first_call = asyncio.Lock()
        self._patience = FIRST_PATIENCE if endpoints > 1 else None
        self.verified: set[Role] = set()
        self._label = label
        self._give_up_after = limits.give_up_after
        self.outage_after = min(OUTAGE_AFTER, limits.give_up_after / 4)
        self._many = max(2, min(MANY_CALLS, slots))
        self._clock = clock
        self._last_success = float("-inf")
        self._failing_since: float | None = None
        self._failing: set[str] = set()
        self._outages: list[tuple[float, float]] = []
        self._up = asyncio.Event()
        self._up.set()
        self._next_probe = 0.0
        self._refusals: dict[Role, tuple[str, int]] = {}

    @property
    def is_down(self) -> bool:
        """Whether there is an outage."""
        return not self._up.is_set()

    async def come_first(self) -> bool:
        """Wait until no first call is out; False where one of several endpoints has it for too long."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._first_call.acquire()
        except TimeoutError:
            return False

    def make_way(self, is_first: bool) -> None:
        """The first call is over, if this was one."""
        if is_first:
            self._first_call.release()

    def note_success(self, role: Role) -> None:
        """A reply came."""
        self._last_success = self._clock()
        if self.is_down and self._failing_since is not None:
            self._outages.append((self._failing_since, self._last_success))
        self._failing_since = None
        self._failing.clear()
        self._refusals.pop(role, None)
        self._up.set()

    def note_failure(self, error: TransientCallError, key: str, begun: float, *, is_alone: bool) -> bool:
        """An attempt of the call `key` that began at `begun` failed; `is_alone` if others wait for its outcome.

        Returns:
            Whether an outage began with it.

        Raises:
            EndpointError: nothing has succeeded for `give_up_after` seconds.
        """
        now = self._clock()
        if self._failing_since is None:
            self._failing_since = max(begun, self._last_success)
        if len(self._failing) < self._many:
            self._failing.add(key)
        if len(self._failing) < self._many and not is_alone:
            return False
        silent = now - self._failing_since
        if silent >= self._give_up_after:
            raise EndpointError(
                f"{self._label}: nothing succeeded for {silent:.0f} s; the last failure was: {error.message}",
                "the same command goes on when the endpoint is back",
            ) from None
        if not self.is_down and silent >= self.outage_after:
            self._up.clear()
            self._next_probe = now + self._interval
            return True
        return False

    def note_refusal(self, role: Role, error: CallRejected) -> int:
        """Count a refusal; how many alike came in a row for this role."""
        # ids and counts inside a message do not make it another one
        message = f"{error.status} {_VARYING.sub('#', error.message)}"
        last, count = self._refusals.get(role, ("", 0))
        count = count + 1 if message == last else 1
        self._refusals[role] = (message, count)
        return count

    async def admit(self) -> None:
        """Wait until the endpoint is up, or it is the caller's turn to probe."""
        while self.is_down:
            now = self._clock()
            if now >= self._next_probe:
                self._next_probe = now + self._interval
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._up.wait(), self._next_probe - now)

    def count_lost_time(self, since: float) -> float:
        """Seconds of past outages after a moment."""
        return sum(max(0.0, end - max(begun, since)) for begun, end in self._outages)

    @property
    def _interval(self) -> float:
        return min(PROBE_INTERVAL, self._give_up_after / 4)
