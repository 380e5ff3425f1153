"""Several endpoints that serve the same model: which of them a call goes to, and which are left out for a while.

Each endpoint has its own throttle. A call goes to the one with the smallest share of its slots taken; where all are
taken it waits at all of them, and goes where a slot is free first. An endpoint that cannot be reached, or fails
FAILURES times in a row, rests for a second, and twice as long each time after, LONGEST_REST at most; then one call
tries it, and its success brings it back. While every endpoint rests, calls go where the rest ends first: outages are
the gateway's business as with one endpoint. Nothing here reaches a request, so outputs do not depend on who served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from evol.backends.base import Backend
from evol.records import CompletionRequest
from evol.throttle import Granted, Slot, Throttle, wait_for_slot

FAILURES = 3
"""In a row that put an endpoint to rest."""
FIRST_REST = 1.0
"""Seconds."""
LONGEST_REST = 15.0


class Route:
    """One endpoint, its slots, and whether it rests.

    Args:
        backend: who answers there.
        throttle: its slots.

    Attributes:
        has_served: it has replied to this run.
    """

    __slots__ = ("_failures", "_rest", "_rested_at", "_resting_until", "_trial", "backend", "has_served", "throttle")

    def __init__(self, backend: Backend, throttle: Throttle) -> None:
        self.backend = backend
        self.throttle = throttle
        self._failures = 0
        self._rest = 0.0
        self._rested_at = self._resting_until = float("-inf")
        self._trial: Slot | None = None  # of the call that tries an endpoint after its rest
        self.has_served = False

    @property
    def resting_until(self) -> float:
        """When it may be tried, in seconds of the clock."""
        return self._resting_until

    def is_open(self, now: float) -> bool:
        """Whether a call may go here."""
        return not self._rest or (now >= self._resting_until and self._trial is None)

    def take(self, slot: Slot) -> None:
        """A call goes here."""
        if self._rest:
            self._trial = slot

    def release(self, slot: Slot) -> None:
        """The call is over, whatever came of it."""
        if self._trial is slot:
            self._trial = None
        self.throttle.release(slot)

    def note_success(self) -> None:
        """A reply came."""
        self.has_served = True
        self._failures = 0
        self._rest = 0.0

    def note_failure(self, slot: Slot, now: float, *, is_certain: bool) -> bool:
        """A call brought nothing; whether the endpoint rests because of it.

        Args:
            slot: of the call; one that began before a rest says nothing new.
            now: seconds of the clock.
            is_certain: nobody would get anything here: unreachable, wrong key, unknown model.
        """
        self._failures += 1
        if slot.begun < self._rested_at or not (is_certain or self._failures >= FAILURES or self._rest):
            return False
        self._rest = min(LONGEST_REST, self._rest * 2 or FIRST_REST)
        self._rested_at, self._resting_until = now, now + self._rest
        return True


class Router:
    """The endpoints of one role.

    Args:
        routes: one for each endpoint, in the order in which the user named them.
        clock: seconds, monotonic; the throttles' own.
    """

    def __init__(self, routes: Sequence[Route], clock: Callable[[], float]) -> None:
        self.routes = tuple(routes)
        self._clock = clock

    @property
    def label(self) -> str:
        """Who is asked, for people."""
        return " and ".join(route.backend.label for route in self.routes)

    @property
    def identity(self) -> tuple[str, ...]:
        """The endpoints and models."""
        return tuple(route.backend.verified_by for route in self.routes)

    @property
    def limit(self) -> int:
        """Calls that may be in flight now, over all endpoints."""
        return sum(route.throttle.limit for route in self.routes)

    @property
    def count(self) -> int:
        """How many endpoints there are."""
        return len(self.routes)

    def has_another(self, route: Route) -> bool:
        """Whether a call that failed at a route may go to another one."""
        now = self._clock()
        return any(other is not route and other.is_open(now) for other in self.routes)

    def may_return(self, route: Route) -> bool:
        """Whether an endpoint other than this one has served, so that it is worth waiting for."""
        return any(other is not route and other.has_served for other in self.routes)

    async def acquire(
        self, request: CompletionRequest, tokens: float, asked: Backend | None = None
    ) -> tuple[Route, Slot]:
        """Wait for a slot at one of the endpoints; give it back with `Route.release`.

        Args:
            request: its position decides who is served first.
            tokens: about how many it will take, in and out.
            asked: who had it last and did not reply; another one is asked if it has room.

        Raises:
            whatever `turn_away` was given.
        """
        if len(self.routes) == 1:
            return self.routes[0], await self.routes[0].throttle.acquire(request, tokens)
        while True:
            open_routes = self._list_open()
            free = [route for route in open_routes if route.throttle.is_free(tokens)]
            if free:
                route = min(free, key=lambda one: (one.backend is asked, one.throttle.in_flight / one.throttle.limit))
                slot = await route.throttle.acquire(request, tokens)
            else:
                route, slot = await self._await_first(request, tokens)
            if route in self._list_open():  # it may have failed while we waited
                route.take(slot)
                return route, slot
            route.throttle.give_back(slot)

    def turn_away(self, error: Callable[[], Exception]) -> None:
        """Whoever waits gets an error instead of a slot."""
        for route in self.routes:
            route.throttle.turn_away(error)

    def _list_open(self) -> list[Route]:
        now = self._clock()
        found = [route for route in self.routes if route.is_open(now)]
        return found or [min(self.routes, key=lambda route: route.resting_until)]

    async def _await_first(self, request: CompletionRequest, tokens: float) -> tuple[Route, Slot]:
        """Stand in line at all open endpoints, and at those that rest as soon as they may be tried."""
        loop = asyncio.get_running_loop()
        granted: Granted = loop.create_future()
        absent = list(self.routes)
        timer: asyncio.TimerHandle | None = None

        def join() -> None:
            nonlocal timer
            for route in [route for route in self._list_open() if route in absent]:
                if not granted.done():
                    absent.remove(route)
                    route.throttle.queue(request, tokens, granted)
            if absent and not granted.done():
                ends = min(route.resting_until for route in absent) - self._clock()
                timer = loop.call_later(max(ends, FIRST_REST), join)

        join()
        try:
            throttle, slot = await wait_for_slot(granted)
        finally:
            if timer is not None:
                timer.cancel()
        return next(route for route in self.routes if route.throttle is throttle), slot
