"""How many calls are in flight at once: a fixed number of slots, handed out by priority.

A slot is held for one attempt, never during back-off. Who waits is served in order of seed position, so that lineages
finish depth first and a run that stops early leaves whole lineages.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools


class Throttle:
    """A fixed number of slots.

    Args:
        limit: slots, at least 1.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def acquire(self, priority: int) -> None:
        """Wait for a slot; lower priority numbers are served first."""
        if self.in_flight < self.limit and not self._waiting:
            self.in_flight += 1
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.release()  # the slot arrived together with the cancellation
            raise

    def release(self) -> None:
        """Give a slot back, or on to whoever is next."""
        self.in_flight -= 1
        while self._waiting and self.in_flight < self.limit:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                self.in_flight += 1
                future.set_result(None)
