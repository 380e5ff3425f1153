"""An event loop whose clock jumps to the next timer, so that minutes of waiting take no time."""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
START = 1000.0
"""What the clock shows at first; no zero, so that a moment is not taken for a duration."""
LONGEST = 1e5
"""Virtual seconds after which a test has no end."""
STUCK_AFTER = 10.0
"""Real seconds without a timer, in which no thread does anything either."""


class _JumpingSelector(selectors.SelectSelector):
    """Where the loop would sleep, its clock moves on instead; only a thread is waited for."""

    loop: VirtualLoop
    last = START + LONGEST

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            if not (found := super().select(STUCK_AFTER)):
                raise TimeoutError("nothing will ever happen again")
            return found
        self.loop.now += timeout
        if self.loop.now > self.last:
            self.last = float("inf")
            raise TimeoutError(f"no end after {LONGEST:,.0f} s of the virtual clock")
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own.

    Attributes:
        now: seconds.
    """

    def __init__(self) -> None:
        self.now = START
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """The virtual clock."""
        return self.now


def run_virtually(main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    """Run a coroutine on a virtual clock; tasks that it leaves behind are cancelled, threads are waited for."""

    async def clear_up() -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    loop = VirtualLoop()
    try:
        with ThreadPoolExecutor() as threads:
            loop.set_default_executor(threads)
            try:
                return loop.run_until_complete(main(loop))
            finally:
                loop.run_until_complete(clear_up())
    finally:
        loop.close()


def count_seconds() -> float:
    """Seconds since the start of the virtual clock that runs."""
    return asyncio.get_running_loop().time() - START


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
