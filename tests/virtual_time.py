"""An event loop whose clock jumps to the next timer, so that minutes of waiting take no time."""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Where the loop would sleep, its clock moves on instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout:
            self.loop.now += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own.

    Attributes:
        now: seconds.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """The virtual clock."""
        return self.now


def run_virtually(main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    """Run a coroutine on a virtual clock."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()


class QueueingServer:
    """Slots behind a first-in-first-out queue, as vLLM and llama.cpp have: never refuses, gets slow.

    Args:
        loop: whose clock counts.
        slots: calls that are worked on at once.
        service: seconds of the n-th call.
    """

    def __init__(self, loop: VirtualLoop, slots: int, service: Callable[[int], float]) -> None:
        self._loop = loop
        self._free_at = [loop.now] * slots
        self._service = service
        self.calls = self.in_flight = self.peak = 0
        self.done: list[float] = []

    async def ask(self) -> None:
        """One call."""
        self.calls += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        end = max(self._loop.now, heapq.heappop(self._free_at)) + self._service(self.calls)
        heapq.heappush(self._free_at, end)
        await asyncio.sleep(end - self._loop.now)
        self.in_flight -= 1
        self.done.append(self._loop.now)
